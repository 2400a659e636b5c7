/** Features that are made from others. What is absent changes nothing, and is in no model's definition. */
import { z } from 'zod';
import { integer } from './setting-kinds.ts';

const path = (doc: string) => z.string().min(1).max(128).describe(doc);

const ngramSchema = z.strictObject({
  of: path('List of texts, or namespace; "*": each of them'),
  n: integer(2, 8, 2, 'Features in one at most; shorter ones are formed too'),
  skips: integer(0, 8, 0, 'Features that may be left out between them'),
});

const affixSchema = z.strictObject({
  of: path('Feature, list of texts or namespace; "*": all'),
  at: z.enum(['prefix', 'suffix']).describe('Which end'),
  length: z.int().min(1).max(32).describe('Characters of it'),
});

export const exactIdsSchema = z.strictObject({
  of: z
    .array(path('Feature or namespace'))
    .min(1)
    .max(64)
    .describe('Features and namespaces whose texts are ids'),
  bits: integer(3, 24, 16, 'log2 of the ids that the table holds'),
  admitAfter: integer(1, 1000, 1, 'An id takes part from this sighting on'),
  expireAfterMs: integer(
    0,
    1e13,
    0,
    'Stream time after which an id that was not seen is forgotten; 0: never',
  ),
  whenFull: z
    .enum(['replace', 'refuse'])
    .default('replace')
    .describe(
      'What a new id gets where its bucket is full: the place of the one not seen the longest, or none',
    ),
});

export type ExactIdsConfig = z.output<typeof exactIdsSchema>;

const aggregateSchema = z.strictObject({
  name: z.string().min(1).max(64).describe('What the feature is called'),
  of: path('The label, or the path of a number').default('label'),
  by: z
    .array(path('Feature'))
    .max(4)
    .describe('Features whose values together are a group; none: all events are one'),
  how: z.enum(['count', 'sum', 'mean']).describe('Of the earlier events of the group'),
  window: z
    .strictObject({
      events: z
        .int()
        .min(2)
        .max(2 ** 24)
        .optional()
        .describe('So many latest events of the group'),
      ms: z.int().min(2).max(1e11).optional().describe('Events of so many latest milliseconds'),
      buckets: integer(2, 64, 8, 'Parts of the window; it forgets one part at a time'),
    })
    .optional()
    .describe('Latest events only; all when absent'),
  prior: z
    .strictObject({
      value: z.number().min(-1e30).max(1e30).default(0).describe('Mean of a group of which nothing is known'),
      weight: z.number().min(0).max(1e6).default(0).describe('Events that this counts for'),
    })
    .optional()
    .describe('Where a mean begins; at 0, and for no events, when absent'),
  bits: integer(0, 20, 16, 'log2 of the groups that have rows of their own'),
});

/** What the events before say of an event: counts, sums and means by group. */
export const aggregateSettings = {
  aggregates: z
    .array(aggregateSchema)
    .min(1)
    .max(16)
    .optional()
    .describe(
      'Running counts, sums and means of the label or of a number by group, each `{name, of, by, how, window?, prior?, bits}`; docs/protocol.md',
    ),
};

export type AggregateConfig = z.output<typeof aggregateSchema>;

export const combinationSettings = {
  permutations: z
    .enum(['across', 'within', 'all'])
    .optional()
    .describe(
      'Where an interaction could hold a combination twice, in another order: whether it does, for features of different namespaces, of one, or for all; never when absent',
    ),
  ngrams: z
    .array(ngramSchema)
    .min(1)
    .max(16)
    .optional()
    .describe('Runs of neighbours in lists of texts and namespaces, each `{of, n, skips}`'),
  affixes: z
    .array(affixSchema)
    .min(1)
    .max(16)
    .optional()
    .describe('Beginnings and ends of texts and names, each `{of, at, length}`'),
  ignoreLinear: z
    .array(path('Feature or namespace'))
    .min(1)
    .max(64)
    .optional()
    .describe('Features and namespaces that stand in no weight of their own, only in what is made from them'),
  exactIds: exactIdsSchema
    .optional()
    .describe(
      'Ids that share no row with anything else, in a table of their own: `{of, bits, admitAfter, expireAfterMs, whenFull}`',
    ),
  standardizeLabel: z
    .boolean()
    .optional()
    .describe(
      'Learn the label of a regression scaled to mean 0 and variance 1 by its running statistics, and scale predictions back: steps then fit labels of any size',
    ),
};
