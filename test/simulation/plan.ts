/** A schedule as it is drawn from its seed: the model, the traffic, the weather, and what goes wrong when. */
import { familySchema } from '../../config/family-schema.ts';
import { parseConfig } from '../../config/load.ts';
import { joinOf, optimizerSchema } from '../../config/optimizer-schema.ts';
import { type Config, type ConfigInput, featuresSchema, type ModelConfig } from '../../config/schema.ts';
import { keepsToLabels } from '../../src/model/row-layout.ts';
import type { ActorKind } from '../../src/runtime/actor.ts';
import { modelName } from './process.ts';
import type { Random } from './random.ts';

/**
 * When an actor is struck: when it has done so much more, or when so many more messages of a kind have reached the
 * broker, whoever sent them: at the second `commit`, one shard has the batch and another has not.
 */
export interface Moment {
  readonly verb: string | undefined;
  readonly turns: number;
}

/** Which actor of a kind: 7 of two is the second. */
interface Victim {
  readonly actor: ActorKind;
  readonly number: number;
  readonly moment: Moment;
}

export type Fault =
  | ({ readonly kind: 'killActor' } & Victim)
  | ({ readonly kind: 'hangActor'; readonly forMs: number } & Victim)
  | { readonly kind: 'loseOne'; readonly moment: Moment; readonly isAnswer: boolean }
  | { readonly kind: 'killProcess'; readonly downMs: number; readonly actors: ActorCounts }
  | { readonly kind: 'stopProcess'; readonly downMs: number; readonly actors: ActorCounts }
  | {
      readonly kind: 'hangProcess';
      readonly moment: Moment;
      readonly forMs: number;
      readonly actors: ActorCounts;
    }
  | { readonly kind: 'secondProcess'; readonly actors: ActorCounts }
  | { readonly kind: 'dropConnection'; readonly which: number; readonly outageMs: number }
  | { readonly kind: 'stallConnection'; readonly which: number; readonly forMs: number }
  | { readonly kind: 'hangBroker'; readonly forMs: number }
  | { readonly kind: 'restartBroker'; readonly outageMs: number }
  | { readonly kind: 'loseMessages'; readonly rate: number; readonly forMs: number }
  | {
      readonly kind: 'breakDisk';
      readonly code: 'ENOSPC' | 'EIO';
      readonly rate: number;
      readonly forMs: number;
    }
  | { readonly kind: 'damageVersion'; readonly place: number }
  | { readonly kind: 'rollback'; readonly back: number; readonly mode: 'continue' | 'relearn' }
  | { readonly kind: 'checkpoint' }
  | {
      readonly kind: 'exclude';
      readonly what: 'key' | 'feature' | 'message';
      readonly word: string;
      readonly at: number;
    }
  | { readonly kind: 'pause'; readonly forMs: number };

export interface ActorCounts {
  readonly shards: number;
  readonly learners: number;
  readonly predictors: number;
}

export interface Publish {
  readonly atMs: number;
  readonly subject: { readonly verb: 'learn' | 'label'; readonly key: string | undefined };
  readonly body: string;
  /** How long after the ack it is published once more. */
  readonly againMs: number | undefined;
}

export interface Plan {
  readonly config: Config;
  /** One learner throughout: states are compared bit for bit. */
  readonly isExact: boolean;
  readonly delayMs: number;
  readonly horizonMs: number;
  readonly publishes: readonly Publish[];
  readonly faults: readonly { readonly atMs: number; readonly fault: Fault }[];
  /** When predictions are asked for: this long apart on average. */
  readonly askEveryMs: number;
  readonly stopsCleanly: boolean;
}

/** All optimisers that there are, each with its default numbers. */
const optimizers = optimizerSchema.options.map((option) =>
  optimizerSchema.parse({ name: [...option.shape.name.values][0] }),
);

const machine = familySchema.parse({ name: 'fm', factors: 2 });

/**
 * Those that several learners may share, which a restart may bring. What PiSTOL refuses depends on what it learned
 * before, and so on the order.
 */
const joined = optimizers.filter((one) => joinOf(one) !== 'none' && one.name !== 'pistol');

/** So few that they are forgotten. */
const idsMax = 4;

const settings: ConfigInput = {
  models: {
    [modelName]: {
      features: { bits: 8 },
      dedupe: { idsMax },
      limits: { eventsPerMessageMax: 6, featuresMax: 64, featuresPerMessageMax: 1024 },
    },
  },
  supervisor: {
    intensity: 1000,
    backoffMs: 10,
    backoffMaxMs: 100,
    heartbeatMs: 150,
    heartbeatTimeoutMs: 300,
    stopTimeoutMs: 4_000,
  },
  metrics: { intervalMs: 500 },
};
const base = parseConfig(JSON.stringify(settings), 'the simulation');
export const words = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/** So few groups that events meet in them, and windows that are gone through. */
const { aggregates } = featuresSchema.parse({
  aggregates: [
    { name: 'mean', by: ['w'], how: 'mean', bits: 2 },
    { name: 'lately', of: 'n', by: ['w'], how: 'count', window: { events: 6, buckets: 3 }, bits: 1 },
  ],
});

export function planOf(random: Random): Plan {
  const isExact = random.chance(0.65);
  const horizonMs = random.between(500, 2_000);
  const actors = drawActors(random, isExact);
  const config = drawConfig(random, actors, isExact);
  const drawItem = itemSource(random, config.models[modelName]!.task, isExact);
  const keyed = random.chance(0.5);
  const messages = random.between(5, 30);
  const publishes = Array.from({ length: messages }, () => drawPublish(random, drawItem, keyed, horizonMs));
  const faults = Array.from({ length: random.between(2, 7) }, () => {
    const fault = drawFault(random, isExact);
    // What waits for its moment needs something still to come.
    const untilMs = 'moment' in fault ? horizonMs / 2 : horizonMs;
    return { atMs: Math.floor(random.next() * untilMs), fault };
  });
  const byTime = (one: { atMs: number }, other: { atMs: number }) => one.atMs - other.atMs;
  return {
    config,
    isExact,
    delayMs: random.pick([0.1, 0.3, 1, 5]),
    horizonMs,
    publishes: publishes.sort(byTime),
    faults: faults.sort(byTime),
    askEveryMs: random.pick([50, 100, 300]),
    stopsCleanly: random.chance(0.25),
  };
}

const drawActors = (random: Random, isExact: boolean): ActorCounts => ({
  shards: random.between(1, 5),
  learners: isExact ? 1 : random.between(1, 3),
  predictors: random.between(1, 2),
});

function drawConfig(random: Random, actors: ActorCounts, isExact: boolean): Config {
  const plain = base.models[modelName]!;
  const task = random.pick(['binary', 'regression', 'multiclass'] as const);
  const optimizer = random.pick(
    isExact ? optimizers : joined.filter((one) => !(task === 'regression' && keepsToLabels(one))),
  );
  const isMachine = optimizer.name === 'adagrad' && task === 'binary' && random.chance(0.5);
  const model: ModelConfig = {
    ...plain,
    task,
    // Listed, so that several learners may be drawn; one label is none of them.
    ...(task === 'multiclass' && { classes: [0, '1', true] }),
    ...(isMachine && { family: machine }),
    optimizer,
    features: {
      ...plain.features,
      standardize: random.chance(0.3),
      intercept: random.chance(0.7),
      // Whose windows two learners cannot join; and classes have no mean.
      ...(random.chance(0.3) && isExact && task !== 'multiclass' && { aggregates }),
    },
    partitions: random.pick([4, 7]),
    actors,
    batch: { eventsMax: random.pick([1, 3, 16, 64]) },
    snapshot: { intervalMs: random.pick([0, 2, 20]), heartbeatMs: random.pick([100, 300]) },
    checkpoint: {
      ...plain.checkpoint,
      everyEvents: random.pick([0, 0, 8, 25]),
      everyMs: random.pick([0, 0, 600]),
      keep: random.between(2, 5),
      cutTimeoutMs: random.pick([200, 1_000]),
    },
  };
  return { ...base, models: { [modelName]: model } };
}

/** The same settings with another number of actors. */
export function withActors(config: Config, actors: ActorCounts): Config {
  const model = config.models[modelName]!;
  return { ...config, models: { [modelName]: { ...model, actors } } };
}

function drawPublish(random: Random, drawItem: () => object, keyed: boolean, horizonMs: number): Publish {
  const size = random.chance(0.6) ? 1 : random.between(2, 6);
  const items = Array.from({ length: size }, drawItem);
  const bad = random.chance(0.06);
  const body = bad ? drawBadBody(random, items) : JSON.stringify(size === 1 ? items[0] : items);
  return {
    // In bursts, so that batches of every size come about.
    atMs: Math.floor((random.next() * horizonMs) / 100) * 100 + random.next() * 5,
    subject: {
      verb: random.chance(0.02) ? 'label' : 'learn',
      key: keyed && random.chance(0.8) ? random.pick(words) : undefined,
    },
    body,
    againMs: random.chance(0.1) ? random.between(1, 1_000) : undefined,
  };
}

/**
 * Events, of which one in four has an id that others have too: it counts once, until so many others were learned that
 * it is forgotten. With several learners it depends on the order which of them is learned and what is forgotten; so
 * there they are equal, and as few as are remembered.
 */
function itemSource(random: Random, task: ModelConfig['task'], isExact: boolean): () => object {
  const draw = () => drawEvent(random, task, isExact);
  const pool = Array.from({ length: idsMax }, (_, number) => ({ ...draw(), id: `id-${number}` }));
  return () => {
    if (!random.chance(0.25)) return draw();
    return isExact ? { ...draw(), id: `id-${random.between(1, 2 * idsMax)}` } : random.pick(pool);
  };
}

function drawEvent(random: Random, task: ModelConfig['task'], isExact: boolean): object {
  const number = Math.round((random.next() * 4 - 2) * 64) / 64;
  const features: Record<string, unknown> = { w: random.pick(words) };
  if (random.chance(0.5)) features.n = number;
  if (random.chance(0.3)) features.bag = [random.pick(words), random.pick(words)];
  // With several learners it depends on the order whether a step overflows.
  if (isExact && random.chance(0.02)) features.n = 1e30;
  const labels = {
    binary: () => random.between(0, 1),
    regression: () => Math.round(random.next() * 32) / 16,
    multiclass: () => random.pick([0, 1, '0', true, true, isExact ? 'other' : 0]),
  };
  const label = labels[task]();
  const event: Record<string, unknown> = { features, label };
  if (random.chance(0.1)) event.weight = random.pick([0, 0.5, 2]);
  if (random.chance(0.03)) event.label = ['yes'];
  if (random.chance(0.02)) delete event.features;
  return event;
}

/** Messages that there are when a version is made. */
export const ofCuts: readonly string[] = ['marker', 'cut', 'openCut', 'image', 'closeCut', 'serve'];

/** Messages at which an actor is struck: those that it takes part in. */
const ofLearners = ['hello', 'pull', 'push', 'push', 'commit', 'commit', 'drop', 'marker', 'marker', 'cut'];
const verbs: Readonly<Record<ActorKind, readonly string[]>> = {
  shard: [...ofLearners, 'ids', 'openCut', 'image', 'snapshot'],
  learner: [...ofLearners, 'ids'],
  predictor: ['snapshot', 'delta', 'serve'],
  checkpointer: ['openCut', 'image', 'closeCut'],
  monitor: [],
};

const drawBadBody = (random: Random, items: readonly object[]): string =>
  random.pick(['{', '[]', '7', JSON.stringify(Array.from({ length: 7 }, () => items[0])), '[null, 1]']);

function drawFault(random: Random, isExact: boolean): Fault {
  const actor = random.pick([
    'shard',
    'shard',
    'learner',
    'learner',
    'learner',
    'predictor',
    'checkpointer',
  ] as const);
  const number = random.between(0, 4);
  const moment = random.chance(0.3)
    ? { verb: undefined, turns: random.between(0, 40) }
    : { verb: random.pick(verbs[actor]), turns: random.between(0, 3) };
  const victim = { actor, number, moment };
  // A learner between what it does on one shard and on the next.
  const between = { verb: random.pick(['push', 'commit', 'marker']), turns: random.between(0, 6) };
  const betweenShards = { actor: 'learner', number, moment: between } as const;
  const actors = drawActors(random, isExact);
  const make: readonly (() => Fault)[] = [
    () => ({ kind: 'killActor', ...victim }),
    () => ({ kind: 'killActor', ...victim }),
    () => ({ kind: 'killActor', ...victim }),
    () => ({ kind: 'killActor', ...victim }),
    () => ({ kind: 'killActor', ...victim }),
    () => ({ kind: 'killActor', ...victim }),
    () => ({ kind: 'killActor', ...betweenShards }),
    () => ({ kind: 'killActor', ...betweenShards }),
    () => ({ kind: 'killActor', ...betweenShards }),
    () => ({ kind: 'hangActor', ...betweenShards, forMs: random.pick([400, 700]) }),
    () => ({ kind: 'hangActor', ...victim, forMs: random.pick([50, 200, 600]) }),
    () => ({ kind: 'hangActor', ...victim, forMs: random.pick([400, 700]) }),
    () => ({ kind: 'loseOne', moment, isAnswer: random.chance(0.5) }),
    () => ({ kind: 'loseOne', moment, isAnswer: random.chance(0.5) }),
    () => ({ kind: 'killProcess', downMs: random.between(1, 500), actors }),
    () => ({ kind: 'killProcess', downMs: random.between(1, 500), actors }),
    () => ({ kind: 'stopProcess', downMs: random.between(1, 500), actors }),
    () => ({ kind: 'hangProcess', moment, forMs: random.pick([2_000, 5_000, 8_000]), actors }),
    () => ({ kind: 'secondProcess', actors }),
    () => ({ kind: 'dropConnection', which: random.between(0, 12), outageMs: random.pick([5, 300, 3_000]) }),
    () => ({ kind: 'dropConnection', which: random.between(0, 12), outageMs: random.pick([5, 300]) }),
    () => ({ kind: 'stallConnection', which: random.between(0, 12), forMs: random.pick([100, 2_500]) }),
    () => ({ kind: 'hangBroker', forMs: random.pick([100, 2_500]) }),
    () => ({ kind: 'restartBroker', outageMs: random.pick([50, 1_500]) }),
    () => ({ kind: 'loseMessages', rate: random.pick([0.02, 0.2]), forMs: random.between(50, 800) }),
    () => ({
      kind: 'breakDisk',
      code: random.pick(['ENOSPC', 'EIO'] as const),
      rate: random.pick([0.1, 1]),
      forMs: random.between(100, 1_000),
    }),
    () => ({ kind: 'damageVersion', place: random.next() }),
    () => ({
      kind: 'rollback',
      back: random.between(0, 3),
      mode: random.pick(['continue', 'relearn'] as const),
    }),
    () => ({
      kind: 'rollback',
      back: random.between(0, 3),
      mode: random.pick(['continue', 'relearn'] as const),
    }),
    () => ({ kind: 'checkpoint' }),
    () => ({ kind: 'checkpoint' }),
    () => ({
      kind: 'exclude',
      what: random.pick(['key', 'feature', 'message'] as const),
      word: random.pick(words),
      at: random.next(),
    }),
    () => ({ kind: 'pause', forMs: random.between(10, 500) }),
  ];
  return random.pick(make)();
}
