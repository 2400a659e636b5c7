/** When a model stops learning by itself: bounds on the figures of the latest events, none of them set by default. */
import { z } from 'zod';
import { integer } from './setting-kinds.ts';

export const guardSchema = z.strictObject({
  averageLossMax: z
    .number()
    .positive()
    .max(1e30)
    .optional()
    .describe('Learning stops when the average loss of the latest events is above; never when absent'),
  baseRateMin: z
    .number()
    .min(-1e30)
    .max(1e30)
    .optional()
    .describe('Learning stops when the mean label of the latest events is below; never when absent'),
  baseRateMax: z
    .number()
    .min(-1e30)
    .max(1e30)
    .optional()
    .describe('Learning stops when the mean label of the latest events is above; never when absent'),
  windowEvents: integer(10, 1e9, 1000, 'Latest events over which loss and mean label are taken'),
});
