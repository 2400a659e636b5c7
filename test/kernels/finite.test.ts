/**
 * No parameter is ever anything but a finite number. Goal: for every optimiser, with and without scaling, whatever
 * numbers a config and an event may hold: a step is whole and leaves finite numbers, or it is refused by name and
 * changes no bit. Method: events drawn from the ends of float32 and around them, one after the other on one table.
 */
import fc from 'fast-check';
import t from 'tap';
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { addToSums, sumCount } from '../../src/model/metrics.ts';

const largest = 3.4028234663852886e38;
const ends = fc.constantFrom(0, -0, 1e-45, 1e-38, 1e-30, 1, 1e18, 1e19, 2e19, 1e30, 1e38, largest);
const number = fc
  .tuple(fc.oneof(ends, fc.float({ noNaN: true, noDefaultInfinity: true })), fc.boolean())
  .map(([size, isNegative]) => (isNegative ? -size : size));
const event = fc.record({
  features: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), number),
  label: number,
  weight: fc.oneof(ends, fc.constant(1)),
});
const rate = fc.constantFrom(1e-30, 0.1, 1, 1e3);
const optimizer: fc.Arbitrary<NonNullable<ModelInput['optimizer']>> = fc.oneof(
  rate.map((learningRate) => ({ name: 'sgd' as const, learningRate })),
  rate.map((learningRate) => ({ name: 'adagrad' as const, learningRate, epsilon: 1e-30 })),
  rate.map((learningRate) => ({ name: 'nag' as const, learningRate })),
  rate.map((learningRate) => ({ name: 'nag' as const, learningRate, l1: 1, l2: 1e3 })),
  rate.map((learningRate) => ({ name: 'momentum' as const, learningRate, l1: 0.1, l2: 0.1 })),
  rate.map((learningRate) => ({ name: 'rmsprop' as const, learningRate, plainInterceptRate: 0.1 })),
  fc
    .tuple(rate, fc.constantFrom('adam' as const, 'amsgrad' as const, 'adamax' as const, 'nadam' as const))
    .map(([learningRate, variant]) => ({ name: 'adam' as const, learningRate, variant, epsilon: 1e-30 })),
  rate.map((learningRate) => ({ name: 'sgd' as const, learningRate, power: 0.5, importanceAware: true })),
  fc.constantFrom(
    { name: 'adadelta' as const },
    { name: 'pistol' as const },
    { name: 'coin' as const },
    { name: 'pistol' as const, alpha: 1e-3, beta: 1e3 },
  ),
  fc
    .tuple(rate, fc.constantFrom(0, 1), fc.constantFrom(0, 1e6), fc.constantFrom(0, 1))
    .map(([alpha, beta, l1, l2]) => ({ name: 'ftrl' as const, alpha, beta, l1, l2 })),
);
const task = fc.constantFrom('binary' as const, 'regression' as const, 'multiclass' as const);
const shape = fc.record({ optimizer, standardize: fc.boolean(), task });

const bitsOf = (numbers: Float32Array): string => Buffer.from(numbers.slice().buffer).toString('base64');

t.test('finite - a step leaves finite numbers, or is refused by name and changes no bit', async (t) => {
  let learned = 0;
  const refusals = new Set<string>();
  const property = fc.property(shape, fc.array(event, { minLength: 1, maxLength: 12 }), (how, events) => {
    const standardize = how.standardize && how.optimizer.name !== 'nag' && how.optimizer.name !== 'coin';
    const { task } = how;
    const config = modelSchema.parse({ task, optimizer: how.optimizer, features: { bits: 8, standardize } });
    const { model, featurizer, definition } = buildModel(config);
    const table = new Float32Array(model.layout.keyCount * model.layout.width);
    const sums = new Float64Array(sumCount);
    const vector = featurizer.vector();
    for (const { features, label: number, weight } of events) {
      const label = task === 'regression' ? number : Number(number > 0);
      featurizer.featurize(features, vector);
      const { keys: rows, values, numeric, count } = vector;
      const view = {
        rows,
        values,
        numeric,
        from: 0,
        to: count,
        keys: undefined,
        time: 0,
        references: undefined,
      };
      const before = bitsOf(table);
      try {
        const raw = model.learn(table, view, label, weight);
        addToSums(sums, definition, raw, label, weight, model.classes);
        learned++;
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        refusals.add(error.message.replace(/at score.*is/, 'is'));
        if (bitsOf(table) !== before) return false;
      }
      if (!table.every(Number.isFinite) || !sums.every(Number.isFinite)) return false;
    }
    return true;
  });
  fc.assert(property, { numRuns: 1_500 });
  t.ok(learned > 500, `${learned} events were learned`);
  t.ok(refusals.size >= 3, [...refusals].join('; '));
  for (const refusal of refusals) t.match(refusal, /^(the|a) .* is not finite/);
});
