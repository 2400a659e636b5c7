/** The families of models, each with its own settings, and which update rules they define. */
import { z } from 'zod';
import { integer, positive } from './setting-kinds.ts';

const factors = integer(1, 64, 8, 'Length of the vector that each feature has');
const initStd = (byDefault: number) =>
  positive(byDefault, 10, 'Standard deviation of the numbers that the vectors begin with');
const field = z.string().min(1).max(128);
const seed = integer(0, 2 ** 32 - 1, 1, 'What those numbers follow from, with the row');

export const familySchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('linear').describe('A weight for each feature') }),
  z.strictObject({
    name: z
      .literal('fm')
      .describe(
        'Factorisation machine (Rendle 2010): besides weights a vector for each feature, whose products are the interactions of all pairs',
      ),
    factors,
    initStd: initStd(0.05),
    learningRate: positive(0.1, 1e3, 'Step size of the vectors; the one of the weights is the optimizer’s'),
    seed,
  }),
  z.strictObject({
    name: z
      .literal('mf')
      .describe(
        'Matrix factorisation with biases (Koren 2009): a factorisation machine of two fields of the features, who and what',
      ),
    user: field.describe('Name of the feature that says who'),
    item: field.describe('Name of the feature that says what'),
    feedback: z
      .enum(['explicit', 'implicit'])
      .default('explicit')
      .describe('Whether labels are ratings, or each event is something that a user took'),
    negatives: integer(1, 16, 4, 'Sampled items that an event of implicit feedback is learned with'),
    items: integer(
      16,
      2 ** 25,
      8192,
      'Rows for items of implicit feedback, from which samples are drawn: at best two to four times as many as items',
    ),
    factors,
    initStd: initStd(0.05),
    learningRate: positive(0.15, 1e3, 'Step size of the vectors; the one of the weights is the optimizer’s'),
    seed,
  }),
  z.strictObject({
    name: z
      .literal('network')
      .describe(
        'A vector for each feature, whose sum is the first of one to three hidden layers with ReLU; for all tasks, several classes among them',
      ),
    hidden: z
      .array(z.int().min(1).max(512))
      .min(1)
      .max(3)
      .default([32, 16])
      .describe('Units of each hidden layer; those of the first are the length of the vectors'),
    initStd: initStd(0.1),
    seed,
  }),
]);

export type FamilyConfig = z.output<typeof familySchema>;
export type FamilyName = FamilyConfig['name'];

/** Optimisers that the others define; a linear model has them all. */
export const optimizersOfFamily: Readonly<Record<Exclude<FamilyName, 'linear'>, readonly string[]>> = {
  fm: ['adagrad'],
  mf: ['adagrad'],
  network: ['adagrad'],
};
