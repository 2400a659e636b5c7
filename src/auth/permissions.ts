/**
 * What each role may publish and subscribe to on a NATS server, and nothing besides.
 *
 *   predict, label, learn   one verb of the named models (predict: rank too), and answers
 *   operator                the control verbs, the advisories and the statistics of the named models, and answers
 *   actors                  Millrace itself: what its threads say to each other, its streams, answers to everybody
 *
 * Answers come below an inbox prefix that is the user's own: who may subscribe to `_INBOX_a.>` alone reads nobody
 * else's. `*` stands for one token, as everywhere in NATS; `>` stands only behind such a prefix and where the
 * server's own endpoint has it.
 */
import type { ClientRole } from '../../config/nats-schema.ts';
import { modelVerbs, type Subjects, serverVerbs, subjectsOf, type Verb } from '../protocol/subjects.ts';

export type Role = ClientRole | 'actors';

export interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export interface Scope {
  readonly root: string;
  /** Names, or `*` alone for every model. */
  readonly models: readonly string[];
}

/** Where the answers to this user's requests come. */
export const inboxOf = (user: string): string => `_INBOX_${user}`;

/** Of one client that may have several roles. */
export function clientPermissions(user: string, roles: readonly ClientRole[], scope: Scope): Permissions {
  const all = roles.map((role) => clientRules[role](subjectsOf(scope.root), scope));
  return {
    publish: distinct(all.flatMap(({ publish }) => publish)),
    subscribe: distinct([`${inboxOf(user)}.>`, ...all.flatMap(({ subscribe }) => subscribe)]),
  };
}

/** Of Millrace's own threads; `inboxes` are the prefixes that requests of the same account name for their answers. */
export function actorPermissions(user: string, inboxes: readonly string[], scope: Scope): Permissions {
  const subjects = subjectsOf(scope.root);
  const { models } = scope;
  const among = models.flatMap((model) => betweenActors(subjects, model));
  return {
    publish: [
      ...[inboxOf(user), ...inboxes].map((prefix) => `${prefix}.>`),
      // Where the server leads the answers to requests of other accounts.
      '_R_.>',
      ...among,
      subjects.monitor('*'),
      ...models.flatMap((model) => [
        subjects.report('*', model),
        subjects.event('*', model),
        // Epochs, and refused events that are sent again.
        ...subjects.streamSubjects(model),
        subjects.rejected(model),
        `$KV.${subjects.ownersBucket}.${model}`,
        ...['*', '*.*'].map((key) => `$KV.${versionsOf(scope)}.${model}.${key}`),
      ]),
      // Objects are named by their digest, not by their model.
      ...['C', 'M'].map((kind) => `$O.${versionsOf(scope)}.${kind}.*`),
      ...streamApi(subjects, scope),
    ],
    subscribe: [
      `${inboxOf(user)}.>`,
      ...among,
      subjects.monitor('*'),
      subjects.report('*', '*'),
      subjects.event('checkpoint', '*'),
      subjects.predict('*'),
      subjects.rank('*'),
      subjects.everyCtl,
      ...services.flatMap((service) => discovery(service, true)),
    ],
  };
}

type Rule = (subjects: Subjects, scope: Scope) => Permissions;

const publishing =
  (subjectsOfModel: (subjects: Subjects, model: string) => string[]): Rule =>
  (subjects, { models }) => ({
    publish: models.flatMap((model) => subjectsOfModel(subjects, model)),
    subscribe: [],
  });

const clientRules: Readonly<Record<ClientRole, Rule>> = {
  predict: publishing((subjects, model) => [subjects.predict(model), subjects.rank(model)]),
  label: publishing((subjects, model) => [subjects.label(model), subjects.label(model, '*')]),
  // With the status of its model, in which it sees how far its events have been learned.
  learn: publishing((subjects, model) => [
    subjects.learn(model),
    subjects.learn(model, '*'),
    subjects.ctl('status', model),
  ]),
  operator: (subjects, { models }) => ({
    publish: [
      ...serverVerbs.map((verb: Verb) => subjects.ctl(verb)),
      ...models.flatMap((model) => modelVerbs.map((verb: Verb) => subjects.ctl(verb, model))),
      ...services.flatMap((service) => discovery(service, false)),
    ],
    subscribe: models.map((model) => subjects.event('*', model)),
  }),
};

const betweenActors = (subjects: Subjects, model: string): string[] =>
  [
    ['shard', model, '*', '*', '*'],
    ['delta', model, '*', '*'],
    ['learners', model, '*', '*'],
    ['predictor', model, '*', '*'],
    ['checkpointer', model, '*'],
  ].map((tokens) => subjects.under(...tokens));

/** Of `nats micro`: names of our services, and the questions that each of them hears. */
const services = ['millrace', 'millrace-control'] as const;
const questions = ['PING', 'INFO', 'STATS'] as const;

function discovery(service: string, answers: boolean): string[] {
  return questions.flatMap((question) => [
    ...(answers ? [`$SRV.${question}`] : []),
    `$SRV.${question}.${service}`,
    `$SRV.${question}.${service}.*`,
  ]);
}

/** Where versions are kept with `checkpoint.store: nats`: a bucket and an object store of this name. */
const versionsOf = ({ root }: Scope): string => `${root}_versions`;

/** What the server is asked about streams. A wildcard cannot stand within a token, so every stream is named. */
function streamApi(subjects: Subjects, scope: Scope): string[] {
  const { models } = scope;
  const api = (verb: string, ...tokens: string[]) => ['$JS', 'API', verb, ...tokens].join('.');
  const everyModel = models.includes('*');
  const logs = everyModel ? ['*'] : models.map((model) => subjects.stream(model));
  const buckets = [`KV_${subjects.ownersBucket}`, `KV_${versionsOf(scope)}`];
  const objects = `OBJ_${versionsOf(scope)}`;
  const kept = everyModel ? ['*'] : [...logs, subjects.rejectedStream, ...buckets, objects];
  return distinct([
    // The client library looks at the account before it opens a bucket.
    api('INFO'),
    ...kept.flatMap((stream) => ['CREATE', 'INFO', 'UPDATE'].map((verb) => api(`STREAM.${verb}`, stream))),
    ...logs.flatMap((stream) => ['DELETE', 'PURGE'].map((verb) => api(`STREAM.${verb}`, stream))),
    ...kept.map((stream) => api('STREAM.MSG.GET', stream)),
    api('STREAM.MSG.DELETE', subjects.rejectedStream),
    ...(everyModel ? [] : [api('STREAM.PURGE', objects)]),
    ...logs.flatMap((stream) =>
      ['CREATE', 'DELETE', 'MSG.NEXT'].map((verb) => api(`CONSUMER.${verb}`, stream, '*')),
    ),
  ]);
}

const distinct = (subjects: readonly string[]): string[] => [...new Set(subjects)];
