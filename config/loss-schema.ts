/** The losses that a step may descend, and which of them fits which task. */
import { z } from 'zod';

const share = (doc: string) => z.number().min(0.001).max(0.999).default(0.5).describe(doc);

export const lossSchema = z.union([
  z.enum(['logistic', 'squared', 'hinge', 'poisson', 'softmax']),
  z.discriminatedUnion('name', [
    z.strictObject({ name: z.literal('quantile'), tau: share('Share of the labels below the prediction') }),
    z.strictObject({ name: z.literal('expectile'), q: share('Weight of what lies above the prediction') }),
  ]),
]);

export type LossConfig = z.output<typeof lossSchema>;
export type LossName = Extract<LossConfig, string> | Extract<LossConfig, object>['name'];
/** Those of one score. */
export type ScoreLossName = Exclude<LossName, 'softmax'>;

export const lossName = (loss: LossConfig): LossName => (typeof loss === 'string' ? loss : loss.name);

export const lossesOfTask = {
  binary: ['logistic', 'squared', 'hinge'],
  regression: ['squared', 'quantile', 'expectile', 'poisson'],
  multiclass: ['softmax', 'logistic', 'squared', 'hinge'],
} as const satisfies Readonly<Record<string, readonly LossName[]>>;
