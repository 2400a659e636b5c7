/**
 * Every subject and stream name of Millrace, made in one place (docs/protocol.md).
 * `root` is the configured first token; the version of the wire is the second.
 */
const wire = 'v1';

/** Verbs whose subject ends with the model that they are about. */
export const modelVerbs = [
  'status',
  'checkpoint',
  'checkpoints',
  'rollback',
  'verify',
  'diff',
  'prune',
  'export',
  'import',
  'transfer',
  'rejected',
  'weights',
  'exclude',
  'purge',
  'replay',
  'unlearn',
  'acknowledge',
  'add',
  'remove',
  'reset',
  'clone',
  'pause',
  'resume',
] as const;
/** Verbs that are about the whole server; `status` is both. */
export const serverVerbs = ['status', 'models', 'restart'] as const;
export const verbs = [...modelVerbs, ...serverVerbs.slice(1)] as readonly Verb[];
export type Verb = (typeof modelVerbs)[number] | (typeof serverVerbs)[number];

export interface Subjects {
  predict(model: string): string;
  rank(model: string): string;
  learn(model: string, key?: string): string;
  label(model: string, key?: string): string;
  rejected(model: string): string;
  /** Control entries in a model's own stream: epochs. */
  control(model: string): string;
  ctl(verb: Verb, model?: string): string;
  event(kind: string, model: string): string;
  /** Requests to one shard of one epoch: `pull`, `push`, `commit`, `state`, `snapshot`, `cut`, ... */
  shard(model: string, epoch: number, shard: number, verb: string): string;
  /** Deltas of one shard of one epoch. */
  delta(model: string, epoch: number, shard: number): string;
  /** Requests to every learner of one epoch. */
  learners(model: string, epoch: number, verb: string): string;
  /** Requests to one predictor: `serve`, `weights`. */
  predictor(model: string, predictor: number, verb: string): string;
  /** Requests to a model's checkpointer: `make`. */
  checkpointer(model: string, verb: string): string;
  /** To the monitor: `view`, `forget`, `guard`. */
  monitor(verb: string): string;
  /** Reports of actors to the monitor. */
  report(kind: string, model: string): string;
  /** What the control endpoint subscribes to. */
  everyCtl: string;
  /** A subject below root and version, of tokens that may be wildcards. */
  under(...tokens: string[]): string;
  /** Bucket of the leases on models. */
  ownersBucket: string;
  /** Subjects of a model's stream. */
  streamSubjects(model: string): string[];
  stream(model: string): string;
  rejectedStream: string;
}

export function subjectsOf(root: string): Subjects {
  const at = (...tokens: (string | number)[]) => [root, wire, ...tokens].join('.');
  const keyed = (verb: string, model: string, key?: string) =>
    key === undefined ? at(verb, model) : at(verb, model, key);
  return {
    predict: (model) => at('predict', model),
    rank: (model) => at('rank', model),
    learn: (model, key) => keyed('learn', model, key),
    label: (model, key) => keyed('label', model, key),
    rejected: (model) => at('rejected', model),
    control: (model) => at('control', model),
    ctl: (verb, model) => (model === undefined ? at('ctl', verb) : at('ctl', verb, model)),
    event: (kind, model) => at('evt', kind, model),
    shard: (model, epoch, shard, verb) => at('shard', model, epoch, shard, verb),
    delta: (model, epoch, shard) => at('delta', model, epoch, shard),
    learners: (model, epoch, verb) => at('learners', model, epoch, verb),
    predictor: (model, predictor, verb) => at('predictor', model, predictor, verb),
    checkpointer: (model, verb) => at('checkpointer', model, verb),
    monitor: (verb) => at('monitor', verb),
    report: (kind, model) => at('report', kind, model),
    everyCtl: at('ctl', '>'),
    under: at,
    ownersBucket: `${root}_owners`,
    streamSubjects: (model) => [
      at('learn', model),
      at('learn', model, '*'),
      at('label', model),
      at('label', model, '*'),
      at('control', model),
    ],
    stream: (model) => `${root}_${model}`,
    rejectedStream: `${root}_rejected`,
  };
}

/** The key token of a learn or label subject, if it has one. */
export function keyOfSubject(subject: string): string | undefined {
  return subject.split('.')[4];
}

/** The verb token (`learn`, `label`, `control`, ...) of a subject. */
export function verbOfSubject(subject: string): string | undefined {
  return subject.split('.')[2];
}
