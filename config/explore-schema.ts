/** How a ranking departs from the order of its scores, to learn of candidates that would not be shown otherwise. */
import { z } from 'zod';
import { notNegative } from './setting-kinds.ts';

export const exploreSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('none').describe('Best first, always') }),
  z.strictObject({
    name: z
      .literal('epsilon-greedy')
      .describe('Each place is filled by chance with this probability, else by the best that is left'),
    epsilon: z
      .number()
      .min(0)
      .max(1)
      .default(0.05)
      .describe('Probability with which a place is filled by chance'),
  }),
  z.strictObject({
    name: z
      .literal('softmax')
      .describe(
        'Each place is drawn from those that are left, in proportion to exp((raw score + uncertainty * u(x)) / temperature)',
      ),
    temperature: z
      .number()
      .min(1e-6)
      .max(1e6)
      .default(1)
      .describe('In units of the raw score: the higher, the more is left to chance'),
    uncertainty: notNegative(0, 'How much u(x) counts: above 0 what is little known is drawn more often'),
  }),
]);

export type ExploreConfig = z.output<typeof exploreSchema>;
