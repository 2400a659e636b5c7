/** `families`: one learned event of each family of models in each gpu.js mode, beside that of a linear model by default. */
import { type ModelInput, modelSchema } from '../config/schema.ts';
import { buildModel } from '../src/kernels/build-model.ts';
import { viewOf } from '../src/kernels/online-model.ts';
import { clickEvents } from './events.ts';
import { measurePairs, rateOf } from './measure.ts';
import type { Benchmark } from './result.ts';

const events = 2_000;
const classes = ['a', 'b', 'c', 'd', 'e'];

const models: Readonly<Record<string, ModelInput>> = {
  'softmax of 5': { task: 'multiclass', classes, optimizer: { name: 'adagrad' } },
  'one against all of 5': { task: 'multiclass', classes },
  fm: { family: { name: 'fm' } },
  network: { family: { name: 'network' } },
  'network of 3 layers': { family: { name: 'network', hidden: [128, 64, 32] } },
};

/** Learns the same hashed events again and again, from one table. */
function learnerOf(input: ModelInput, seed: number): () => Promise<number> {
  const { model, featurizer, definition } = buildModel(modelSchema.parse(input));
  const table = new Float32Array(model.layout.keyCount * model.layout.width);
  const hashed = clickEvents(events, seed).map(({ features, label }, at) => {
    const vector = featurizer.vector();
    featurizer.featurize(features, vector);
    return { view: viewOf(vector), label: definition.classesMax > 0 ? classes[at % 5]! : Number(label) };
  });
  return () =>
    rateOf(events, () => {
      for (const { view, label } of hashed) model.learn(table, view, label, 1);
    });
}

export const families: Benchmark = async ({ pairs, seed, say }) => {
  const features = { bits: 14 };
  const limits = { featuresMax: 64 };
  const floor = learnerOf({ features, limits }, seed);
  const table: Record<string, { eventsPerSecond: number; ratio: number; spread: readonly [number, number] }> =
    {};
  for (const [name, model] of Object.entries(models)) {
    for (const kernel of ['cpu', 'webasm'] as const) {
      say(`${name}, ${kernel}`);
      const subject = learnerOf({ ...model, kernel, features, limits }, seed);
      const { subject: eventsPerSecond, ratio, spread } = await measurePairs(pairs, subject, floor);
      table[`${name}, ${kernel}`] = { eventsPerSecond, ratio, spread };
    }
  }
  const shown = table['fm, cpu']!;
  return {
    name: 'families',
    value: shown.eventsPerSecond,
    unit: 'events/s (fm, cpu)',
    spread: shown.spread,
    ratio: Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row.ratio])),
    table,
  };
};
