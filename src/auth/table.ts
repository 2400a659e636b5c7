/** Roles against verbs: who may do what, worked out from the permissions that the server is given. */
import { subjectsOf, verbs } from '../protocol/subjects.ts';
import { inboxOf } from './permissions.ts';
import { type TemplateUser, templateUsers } from './template.ts';

/** One thing that can be tried: to publish there, or to subscribe there. */
export interface Attempt {
  readonly verb: string;
  readonly kind: 'publish' | 'subscribe';
  readonly subject: string;
}

export interface Table {
  readonly users: readonly TemplateUser[];
  readonly rows: readonly { readonly attempt: Attempt; readonly allowed: readonly boolean[] }[];
}

/** Of the users of `model`, with what they might try on it, on `other`, and on what is nobody's but the server's. */
export function roleTable(root: string, model: string, other: string): Table {
  const users = templateUsers({ root, models: [model, other] }).filter(
    (user) => (user.model ?? model) === model,
  );
  const rows = attempts(root, model, other, users).map((attempt) => ({
    attempt,
    allowed: users.map((user) => isAllowed(user, attempt)),
  }));
  return { users, rows };
}

const isAllowed = ({ permissions }: TemplateUser, { kind, subject }: Attempt): boolean =>
  permissions[kind].some((pattern) => covers(pattern, subject));

/** Whether every subject that `subject` stands for (it may have wildcards itself) is one of the pattern's. */
export function covers(pattern: string, subject: string): boolean {
  const wanted = subject.split('.');
  const given = pattern.split('.');
  for (const [at, token] of given.entries()) {
    if (token === '>') return wanted.length > at;
    const other = wanted[at];
    if (other === undefined || other === '>') return false;
    if (token !== '*' && token !== other) return false;
  }
  return wanted.length === given.length;
}

function attempts(root: string, model: string, other: string, users: readonly TemplateUser[]): Attempt[] {
  const subjects = subjectsOf(root);
  const publish = (verb: string, subject: string): Attempt => ({ verb, kind: 'publish', subject });
  const subscribe = (verb: string, subject: string): Attempt => ({ verb, kind: 'subscribe', subject });
  const stream = subjects.stream(model);
  return [
    publish('predict', subjects.predict(model)),
    publish('rank', subjects.rank(model)),
    publish('learn', subjects.learn(model)),
    publish('learn, with a key', subjects.learn(model, 'k')),
    publish('label', subjects.label(model)),
    publish('label, with a key', subjects.label(model, 'k')),
    ...verbs.map((verb) => {
      const isOfServer = verb === 'models' || verb === 'restart';
      return publish(`ctl ${verb}`, subjects.ctl(verb, isOfServer ? undefined : model));
    }),
    publish('ctl status of all models', subjects.ctl('status')),
    subscribe('hear advisories', subjects.event('*', model)),
    publish('ask for the statistics of the service', '$SRV.STATS.millrace'),
    publish('predict, another model', subjects.predict(other)),
    publish('rank, another model', subjects.rank(other)),
    publish('learn, another model', subjects.learn(other)),
    publish('label, another model', subjects.label(other)),
    publish('write into the log of epochs', subjects.control(model)),
    publish('give a report', subjects.report('shard', model)),
    publish('send an advisory', subjects.event('drift', model)),
    publish('reject an event', subjects.rejected(model)),
    publish('push to a shard', subjects.under('shard', model, '1', '0', 'push')),
    publish('send a delta', subjects.under('delta', model, '1', '0')),
    publish('take over a model', `$KV.${subjects.ownersBucket}.${model}`),
    publish('read an event of the stream', `$JS.API.STREAM.MSG.GET.${stream}`),
    publish('read the stream', `$JS.API.CONSUMER.CREATE.${stream}.spy`),
    publish('purge the stream', `$JS.API.STREAM.PURGE.${stream}`),
    publish('delete the stream', `$JS.API.STREAM.DELETE.${stream}`),
    publish('read a version', `$JS.API.STREAM.MSG.GET.OBJ_${root}_versions`),
    publish('write a version', `$O.${root}_versions.M.bmFtZQ==`),
    publish('say which version is current', `$KV.${root}_versions.${model}.current.1`),
    publish('make a stream of its own', '$JS.API.STREAM.CREATE.mine'),
    publish('list the streams', '$JS.API.STREAM.NAMES'),
    subscribe('hear the predict requests of others', subjects.predict(model)),
    subscribe('hear the events of others', subjects.learn(model)),
    subscribe('hear deltas', subjects.under('delta', model, '*', '*')),
    ...users.map(({ user }) => subscribe(`hear the answers to ${user}`, `${inboxOf(user)}.>`)),
    subscribe('hear the answers of clients without a prefix', '_INBOX.>'),
    subscribe('hear everything', '>'),
  ];
}

export function tableLines({ users, rows }: Table): string[] {
  const head = ['', ...users.map(({ role }) => role)];
  const body = rows.map(({ attempt, allowed }) => [
    attempt.verb,
    ...allowed.map((may) => (may ? 'yes' : '-')),
  ]);
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`);
}
