/** The update rules and their numbers; how rows of two learners join under each. */
import { z } from 'zod';
import { notNegative, positive } from './setting-kinds.ts';

const interceptLearningRate = z
  .number()
  .positive()
  .max(1e3)
  .optional()
  .describe('Learning rate of the intercept alone; as for the other weights when absent');

const plainInterceptRate = z
  .number()
  .positive()
  .max(1e3)
  .optional()
  .describe('Rate of plain gradient steps for the intercept, as River; by the rule itself when absent');

const strength = (doc: string) => z.number().min(0).max(1e6).optional().describe(doc);
const l1 = strength('L1 strength: each step draws the weights that it touches towards 0 and stops there');
const l2 = strength('L2 strength: added to the gradients of a step, times the weights');
const penalties = { l1, l2 };

/** Share of the past that a running mean keeps. */
const decay = (byDefault: number, doc: string) =>
  z.number().min(0).max(0.999999).default(byDefault).describe(doc);

/** Above 0 in float32 too. */
const epsilon = (doc: string) => z.number().min(1e-30).max(1).default(1e-8).describe(doc);

export const optimizerSchema = z.discriminatedUnion('name', [
  z.strictObject({
    name: z
      .literal('nag')
      .describe(
        'Normalised adaptive gradient with importance-aware steps, as Vowpal Wabbit (Ross, Mineiro, Langford 2013); needs no scaling',
      ),
    learningRate: positive(0.5, 1e3, 'Step size'),
    halfLife: z
      .number()
      .min(1)
      .max(1e12)
      .optional()
      .describe(
        'Events of a feature after which its gradients so far count half, so that steps do not vanish where the world changes; never when absent',
      ),
    l1: strength('L1 strength, as Vowpal Wabbit: all weights are drawn towards 0 with each step, in effect'),
    l2: strength('L2 strength, as Vowpal Wabbit: all weights shrink with each step, in effect'),
  }),
  z.strictObject({
    name: z.literal('sgd').describe('Stochastic gradient descent'),
    learningRate: positive(0.01, 1e3, 'Step size'),
    interceptLearningRate,
    power: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('The rate falls as (offset / (offset + events - 1))^power; constant when absent'),
    offset: z
      .number()
      .min(1)
      .max(1e12)
      .optional()
      .describe('Events after which the rate begins to fall in earnest; 1 when absent'),
    importanceAware: z
      .boolean()
      .optional()
      .describe('Whether a step is followed instead of taken at once, so that none overshoots its label'),
    ...penalties,
  }),
  z.strictObject({
    name: z.literal('momentum').describe('Gradient descent with momentum (Polyak 1964)'),
    learningRate: positive(0.01, 1e3, 'Step size'),
    rho: decay(0.9, 'Share of the last move that is made again'),
    nesterov: z
      .boolean()
      .default(false)
      .describe('Whether the gradient is that of where the last move leads on to (Nesterov 1983)'),
    plainInterceptRate,
    ...penalties,
  }),
  z.strictObject({
    name: z.literal('adagrad').describe('Per-coordinate rates (Duchi, Hazan, Singer 2011)'),
    learningRate: positive(0.1, 1e3, 'Step size before the per-coordinate division'),
    epsilon: epsilon('Added inside the square root of the accumulated squares; above 0 in float32 too'),
    interceptLearningRate,
    plainInterceptRate,
    ...penalties,
  }),
  z.strictObject({
    name: z.literal('adadelta').describe('Per-coordinate rates in the units of the weights (Zeiler 2012)'),
    rho: decay(0.95, 'Share that the running means of squares keep'),
    epsilon: epsilon('Added inside both square roots'),
    plainInterceptRate,
    ...penalties,
  }),
  z.strictObject({
    name: z.literal('rmsprop').describe('Rates by a running mean of squares (Tieleman, Hinton 2012)'),
    learningRate: positive(0.01, 1e3, 'Step size before the per-coordinate division'),
    rho: decay(0.9, 'Share that the running mean of squares keeps'),
    epsilon: epsilon('Added inside the square root'),
    plainInterceptRate,
    ...penalties,
  }),
  z.strictObject({
    name: z.literal('adam').describe('Running means of gradients and of their squares (Kingma, Ba 2015)'),
    learningRate: positive(0.01, 1e3, 'Step size'),
    beta1: decay(0.9, 'Share that the running mean of gradients keeps'),
    beta2: decay(0.999, 'Share that the running mean of squares keeps'),
    epsilon: epsilon('Added to the square root'),
    variant: z
      .enum(['adam', 'amsgrad', 'adamax', 'nadam'])
      .default('adam')
      .describe(
        'amsgrad: by the largest mean of squares so far (Reddi et al. 2018); adamax: by the largest gradient; nadam: with Nesterov momentum (Dozat 2016)',
      ),
    plainInterceptRate,
    ...penalties,
  }),
  z.strictObject({
    name: z.literal('adabound').describe('Adam whose rates close in on one rate (Luo et al. 2019)'),
    learningRate: positive(0.001, 1e3, 'Step size in the beginning'),
    finalLearningRate: positive(0.1, 1e3, 'Step size in the end'),
    gamma: positive(0.001, 1, 'How fast the bounds close in'),
    beta1: decay(0.9, 'Share that the running mean of gradients keeps'),
    beta2: decay(0.999, 'Share that the running mean of squares keeps'),
    epsilon: epsilon('Added to the square root'),
    plainInterceptRate,
    ...penalties,
  }),
  z.strictObject({
    name: z.literal('ftrl').describe('FTRL-Proximal (McMahan et al. 2013)'),
    alpha: positive(0.1, 1e3, 'Learning-rate scale'),
    beta: notNegative(1, 'Learning-rate offset'),
    l1: notNegative(0, 'L1 strength: weights of features seen little stay exactly 0'),
    l2: notNegative(0, 'L2 strength'),
    plainInterceptRate,
  }),
  z.strictObject({
    name: z
      .literal('pistol')
      .describe('PiSTOL: no learning rate; weights by the sum of gradients (Orabona 2014), as Vowpal Wabbit'),
    alpha: positive(1, 1e6, 'Caution: the greater, the smaller the weights'),
    beta: positive(0.5, 1e6, 'Scale of the weights'),
  }),
  z.strictObject({
    name: z
      .literal('coin')
      .describe(
        'Coin betting: no learning rate; weights are shares of what earlier bets won (Orabona, Tommasi 2017), as Vowpal Wabbit',
      ),
    alpha: positive(4, 1e6, 'Money to begin with'),
    beta: positive(1, 1e6, 'Least bound on the gradients'),
  }),
]);

export type OptimizerConfig = z.output<typeof optimizerSchema>;

/**
 * How rows come together that two learners changed at the same time (src/model/row-join.ts). 'add': a slot is a sum,
 * or the largest of something. 'normalized': weights belong to a scale that is the larger of both. 'none': they do
 * not; such a model has one learner.
 */
export type Join = 'add' | 'normalized' | 'none';

export function joinOf(optimizer: OptimizerConfig): Join {
  switch (optimizer.name) {
    case 'nag':
      return [optimizer.l1, optimizer.l2, optimizer.halfLife].every((setting) => setting === undefined)
        ? 'normalized'
        : 'none';
    case 'sgd':
    case 'adagrad':
    case 'ftrl':
    case 'pistol':
    case 'coin':
      return 'add';
    default:
      return 'none';
  }
}
