/**
 * Every setting of Millrace in one place: type, bounds, default and documentation together. The README's
 * table, `millrace config check` and the errors at start are all made from this schema.
 *
 * Settings come in two kinds. What decides the parameters (task, loss, optimizer, features, kernel,
 * partitions) is the model's *definition* and is fingerprinted (config/fingerprint.ts): changing it needs
 * `--relearn`. Everything else (actor counts, intervals, limits) may change at every start.
 */
import { z } from 'zod';
import { classLabel, classLabelBytesMax } from './class-label.ts';
import { exploreSchema } from './explore-schema.ts';
import { type FamilyName, familySchema } from './family-schema.ts';
import { aggregateSettings, combinationSettings } from './features-schema.ts';
import { guardSchema } from './guard-schema.ts';
import { limitsSchema } from './limits-schema.ts';
import { lossSchema } from './loss-schema.ts';
import { name } from './names.ts';
import { natsSchema } from './nats-schema.ts';
import { optimizerSchema } from './optimizer-schema.ts';
import { integer } from './setting-kinds.ts';

export const featuresSchema = z.strictObject({
  bits: integer(8, 26, 18, 'log2 of the rows of the hashed table: 18 is 262,144 rows'),
  interactions: z
    .array(z.array(z.string().min(1).max(128)).min(2).max(4))
    .max(64)
    .default([])
    .describe(
      'Crosses of 2 to 4 features or namespaces, such as ["origin", "day"]; "*" is every feature of the event',
    ),
  ...combinationSettings,
  ...aggregateSettings,
  standardize: z
    .boolean()
    .default(false)
    .describe('Scale each number to mean 0 and variance 1 by its running statistics (Welford 1962)'),
  intercept: z.boolean().default(true).describe('Whether the model has a constant term'),
});

const predictionBound = (which: string) =>
  z
    .number()
    .min(-1e6)
    .max(1e6)
    .optional()
    .describe(
      `${which} raw score (of a logistic model the logit): others are held there, before they are learned from too; when absent nag keeps to the labels so far`,
    );

const modelSettings = z.strictObject({
  task: z
    .enum(['binary', 'regression', 'multiclass'])
    .default('binary')
    .describe('What a label is: 0/1 (or false/true), a number, or one of several classes'),
  classes: z
    .array(classLabel)
    .min(2)
    .max(1024)
    .optional()
    .describe(
      `The classes of a multiclass model: strings of at most ${classLabelBytesMax} bytes as JSON, integers or booleans; when absent they are taken from the labels, in order of appearance`,
    ),
  classesMax: z
    .int()
    .min(2)
    .max(1024)
    .optional()
    .describe('Classes that a multiclass model without a list takes from its labels at most; 16 when absent'),
  loss: lossSchema
    .optional()
    .describe(
      'Loss that a step descends; when absent logistic for binary, squared for regression, softmax for multiclass, or there logistic with optimizer nag or coin. Of a binary model also hinge; of a regression also poisson, {"name": "quantile", "tau": 0.5} and {"name": "expectile", "q": 0.5}. Several classes under a loss of binary models are learned one against all',
    ),
  family: familySchema.default({ name: 'linear' }).describe('What a score is made of'),
  classWeights: z
    .record(z.string().min(1).max(64), z.number().min(0).max(1e6))
    .optional()
    .describe(
      'Factors of the event weights by class, such as {"0": 1, "1": 5}; 1 for a class that is not named',
    ),
  predictionMin: predictionBound('Least'),
  predictionMax: predictionBound('Greatest'),
  optimizer: optimizerSchema
    .optional()
    .describe('Update rule; adagrad of families fm, mf and network when absent')
    .meta({ default: { name: 'nag' } }),
  features: featuresSchema.prefault({}),
  kernel: z
    .enum(['auto', 'cpu', 'webasm'])
    .default('auto')
    .describe(
      'Which gpu.js backend runs the steps; auto chooses once, when the model is created, by row width',
    ),
  partitions: integer(
    1,
    1024,
    64,
    'Parts of the stream that learners divide among themselves; fixed with the stream',
  ),
  actors: z
    .strictObject({
      shards: integer(1, 64, 2, 'Threads that hold the parameters'),
      learners: integer(1, 32, 1, 'Threads that learn; one keeps the order exact, several share the work'),
      predictors: integer(1, 32, 1, 'Threads that answer predictions'),
    })
    .prefault({}),
  batch: z
    .strictObject({
      eventsMax: integer(
        1,
        16_384,
        1024,
        'Events in one micro-batch at most (64 with several learners); a batch is what has arrived',
      ),
    })
    .prefault({}),
  snapshot: z
    .strictObject({
      intervalMs: integer(0, 60_000, 2, 'Least time between two deltas of one shard to the predictors'),
      heartbeatMs: integer(
        10,
        60_000,
        100,
        'How often a quiet predictor checks that it holds all of the stream',
      ),
    })
    .prefault({}),
  checkpoint: z
    .strictObject({
      everyEvents: integer(
        0,
        1e12,
        1_000_000,
        'Make a version after this many learned events; 0: never by count',
      ),
      everyMs: integer(
        0,
        1e10,
        300_000,
        'Make a version after this long if anything was learned; 0: never by time',
      ),
      atStop: z.boolean().default(true).describe('Make a version at a clean stop'),
      store: z
        .enum(['file', 'nats'])
        .default('file')
        .describe(
          'Where versions are kept: in dataDir, or in the object store of the NATS servers, from which a server on another machine can restore',
        ),
      fullEvery: integer(
        1,
        100,
        10,
        'Every so many versions one holds all rows; those between, only the rows that changed; 1: all are full',
      ),
      keep: integer(
        2,
        10_000,
        10,
        'Newest versions kept; the current one, and what a kept one is laid over, are always kept',
      ),
      keepForMs: integer(0, 1e13, 0, 'Versions younger than this are kept too; 0: age does not count'),
      cutTimeoutMs: integer(
        100,
        600_000,
        10_000,
        'A version not complete by then is given up, named and tried again',
      ),
    })
    .prefault({}),
  stream: z
    .strictObject({
      fullAt: z
        .array(z.number().min(0.01).max(1))
        .max(8)
        .default([0.8, 0.95])
        .describe('Shares of limits.streamBytesMax at which the server says that the stream fills up'),
      purge: z
        .enum(['never', 'unneeded'])
        .default('never')
        .describe(
          'What is removed from the event stream by itself; unneeded: after each version, what no kept version needs',
        ),
    })
    .prefault({}),
  rank: z
    .strictObject({
      explore: exploreSchema
        .default({ name: 'none' })
        .describe('How a ranking departs from the order of its scores, where a request does not say'),
    })
    .prefault({}),
  guard: guardSchema.prefault({}),
  poison: z
    .strictObject({
      failuresMax: integer(
        2,
        100,
        3,
        'Times that a learner may end, or hang, at one event before that event is passed over',
      ),
    })
    .prefault({}),
  dedupe: z
    .strictObject({
      windowMs: integer(
        100,
        86_400_000,
        120_000,
        'How long the stream drops messages whose Nats-Msg-Id it has seen',
      ),
      idsMax: integer(
        0,
        4_000_000,
        1_000_000,
        'Learned events whose `id` is remembered, so that one that comes again is learned once; 0: ids mean nothing',
      ),
    })
    .prefault({}),
  limits: limitsSchema.prefault({}),
});

/** The update rule of a model that names none. */
const usualOptimizer: Readonly<Record<FamilyName, z.output<typeof optimizerSchema>>> = {
  linear: { name: 'nag', learningRate: 0.5 },
  fm: { name: 'adagrad', learningRate: 0.2, epsilon: 0.1 },
  mf: { name: 'adagrad', learningRate: 0.2, epsilon: 0.1 },
  network: { name: 'adagrad', learningRate: 0.1, epsilon: 0.1 },
};

export const modelSchema = modelSettings.transform((settings) => ({
  ...settings,
  optimizer: settings.optimizer ?? usualOptimizer[settings.family.name],
}));

export const configSchema = z.strictObject({
  root: name.default('millrace').describe('First token of every subject, and prefix of every stream'),
  dataDir: z
    .string()
    .min(1)
    .default('data')
    .describe('Folder of streams, checkpoints and locks, relative to the working directory'),
  durability: z
    .enum(['fast', 'fsync'])
    .default('fast')
    .describe(
      'What an ack means: fast: safe from killed processes; fsync: from power cuts too, at a cost (nats-server 2.10 or newer; servers of your own need `sync_interval: always`)',
    ),
  nats: natsSchema.prefault({}),
  models: z.record(name, modelSchema).default({}).describe('The models by name'),
  supervisor: z
    .strictObject({
      intensity: integer(
        0,
        1000,
        10,
        'Restarts of one actor allowed within the period; one more stops the model',
      ),
      periodMs: integer(100, 3_600_000, 60_000, 'The period of the intensity'),
      backoffMs: integer(
        0,
        60_000,
        50,
        'Wait before the first restart; doubles with each further one in the period',
      ),
      backoffMaxMs: integer(0, 600_000, 5_000, 'Longest wait before a restart'),
      startTimeoutMs: integer(100, 600_000, 30_000, 'An actor not ready by then is restarted'),
      stopTimeoutMs: integer(100, 600_000, 10_000, 'An actor not stopped by then is terminated'),
      heartbeatMs: integer(10, 60_000, 1_000, 'How often an actor shows that it lives'),
      heartbeatTimeoutMs: integer(100, 600_000, 15_000, 'An actor silent for so long is replaced'),
      actorsMax: integer(4, 1024, 128, 'Threads in this process at most'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      windowEvents: integer(
        100,
        1e9,
        10_000,
        'Size of the recent window that status shows beside the totals',
      ),
      intervalMs: integer(10, 60_000, 250, 'How often actors report'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Least level written to standard error'),
    })
    .prefault({}),
});

export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;
export type ModelConfig = z.output<typeof modelSchema>;
export type ModelInput = z.input<typeof modelSchema>;
export type { AggregateConfig } from './features-schema.ts';
export type FeaturesConfig = z.output<typeof featuresSchema>;
export type { LossConfig, ScoreLossName } from './loss-schema.ts';
export type { OptimizerConfig } from './optimizer-schema.ts';
export type KernelMode = 'cpu' | 'webasm';
