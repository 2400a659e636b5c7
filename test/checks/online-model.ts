/**
 * What every model must be, whatever its family: progressive, whole or untouched, the same in a working set as in the
 * whole table, and nearly the same on every backend and in every order of an event's features.
 */
import type { Test } from 'tap';
import { type ModelInput, modelSchema } from '../../config/schema.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { type BuiltModel, buildModel } from '../../src/kernels/build-model.ts';
import { type EventView, viewOf } from '../../src/kernels/online-model.ts';
import { Batch } from '../../src/learner/batch.ts';
import { learnableEvent } from '../../src/learner/events.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';

/** A model with a table of its own, as the plain loop has it. */
export class TableModel {
  readonly built: BuiltModel;
  readonly table: Float32Array;

  constructor(input: ModelInput) {
    this.built = buildModel(modelSchema.parse(input));
    const { keyCount, width } = this.built.model.layout;
    this.table = new Float32Array(keyCount * width);
  }

  view(event: Pick<LearnEvent, 'features'>): EventView {
    const vector = this.built.featurizer.vector();
    this.built.featurizer.featurize(event.features, vector);
    return viewOf(vector);
  }

  learn(event: LearnEvent): number {
    const { label, weight } = learnableEvent(event, this.built.definition.task);
    return this.built.model.learn(this.table, this.view(event), label, weight);
  }

  predict(event: LearnEvent): number {
    return this.built.model.predict(this.table, this.view(event));
  }

  get bits(): string {
    return Buffer.from(this.table.buffer).toString('base64');
  }
}

export function checkModel(t: Test, name: string, input: ModelInput, events: readonly LearnEvent[]): void {
  t.test(`${name} - predicts what learn then returns, and a prediction changes nothing`, async (t) => {
    const model = new TableModel({ ...input, kernel: 'cpu' });
    let different = 0;
    for (const event of events) {
      const before = model.bits;
      const predicted = model.predict(event);
      if (model.bits !== before) different++;
      const learned = model.learn(event);
      // Of several classes one may be new, and then nothing of it was there to be predicted.
      if (predicted !== learned && model.built.model.classes === undefined) different++;
    }
    t.equal(different, 0);
    t.ok(
      model.table.some((slot) => slot !== 0),
      'something was learned',
    );
  });

  t.test(`${name} - a working set gives what the whole table gives`, async (t) => {
    const whole = new TableModel({ ...input, kernel: 'cpu' });
    const split = new TableModel({ ...input, kernel: 'cpu' });
    for (let from = 0; from < events.length; ) {
      const part = events.slice(from, from + 1 + (from % 7));
      from += part.length;
      for (const event of part) whole.learn(event);
      learnInBatch(split, part);
    }
    t.equal(split.bits, whole.bits);
  });

  t.test(`${name} - a step that would not be finite changes no bit`, async (t) => {
    const model = new TableModel({ ...input, kernel: 'cpu' });
    for (const event of events.slice(0, 40)) model.learn(event);
    let refused = 0;
    for (const event of events.slice(0, 40)) {
      const features = { ...event.features, huge: 3e38, large: -3e38 };
      const before = model.bits;
      try {
        model.learn({ ...event, features, weight: 3e38 });
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        refused++;
        t.match(error.message, /is not finite/);
        t.equal(model.bits, before);
      }
      if (!model.table.every(Number.isFinite)) t.fail('a parameter is not finite');
    }
    t.ok(refused > 0, 'some were refused');
  });

  t.test(`${name} - the order of features does not matter`, async (t) => {
    // Of a number and a word on one row the first says whether it is scaled: no two features may meet.
    const roomy: ModelInput = { ...input, features: { ...input.features, bits: 18 }, kernel: 'cpu' };
    const [model, other] = [new TableModel(roomy), new TableModel(roomy)];
    for (const event of events) {
      model.learn(event);
      other.learn({ ...event, features: Object.fromEntries(Object.entries(event.features).reverse()) });
    }
    t.ok(farthest(model.table, other.table) < 2e-3, `by ${farthest(model.table, other.table)}`);
  });

  t.test(`${name} - webasm gives what cpu gives, within float32`, async (t) => {
    const model = new TableModel({ ...input, kernel: 'cpu' });
    const other = new TableModel({ ...input, kernel: 'webasm' });
    for (const event of events) {
      model.learn(event);
      other.learn(event);
    }
    t.ok(farthest(model.table, other.table) < 2e-3, `by ${farthest(model.table, other.table)}`);
    t.same(other.built.model.report(), { mode: 'webasm', executor: 'webasm' });
  });
}

/** The way of a learner: rows of distinct keys, shared ones first, learned and stored again. */
function learnInBatch({ built, table }: TableModel, events: readonly LearnEvent[]): void {
  const { model, featurizer, definition } = built;
  const { width } = model.layout;
  const batch = new Batch(model.layout);
  const vector = featurizer.vector();
  for (const [index, event] of events.entries()) {
    const learnable = learnableEvent(event, definition.task);
    featurizer.featurize(learnable.features, vector);
    batch.add(vector, learnable, { seq: 1, index, timeMs: 0 }, { value: event });
  }
  const keys = batch.keys.keys.subarray(0, batch.keys.count);
  const rows = new Float32Array(keys.length * width);
  for (const [row, key] of keys.entries()) {
    rows.set(table.subarray(key * width, (key + 1) * width), row * width);
  }
  for (let i = 0; i < batch.count; i++) {
    model.learn(rows, batch.view(i), batch.labelOf(i), batch.weights[i]!);
  }
  for (const [row, key] of keys.entries()) {
    table.set(rows.subarray(row * width, (row + 1) * width), key * width);
  }
}

/** Relative above 1. */
export function farthest(got: Float32Array, expected: Float32Array): number {
  let far = 0;
  for (const [i, number] of got.entries()) {
    far = Math.max(far, Math.abs(number - expected[i]!) / Math.max(1, Math.abs(expected[i]!)));
  }
  return far;
}
