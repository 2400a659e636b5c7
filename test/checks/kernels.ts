/**
 * What the kernels of every optimiser must compute in every mode: what src/model/optimizers computes. `cpu` does
 * so to the bit, `webasm` (float32 throughout) to float32's tolerance. The backend that really ran is asserted
 * each time, so that a silent fall-back fails instead of passing as fast.
 */
import type { Test } from 'tap';
import type { KernelMode } from '../../config/schema.ts';
import { type LinearKernels, linearKernels } from '../../src/kernels/linear-kernels.ts';
import type { StepThis } from '../../src/kernels/step-functions.ts';
import { stepSourceOf } from '../../src/kernels/step-sources.ts';
import {
  type CoordinateOptimizerConfig,
  type Optimizer,
  optimizerOf,
} from '../../src/model/optimizers/optimizer.ts';

/** Numbers in [0, 1) that follow from a seed (mulberry32, Tommy Ettinger). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Around the edges of the size classes, and in a large one. */
const eventSizes = [1, 2, 7, 8, 9, 16, 17, 100, 1025];

interface Event {
  readonly count: number;
  /** Rows one after another, as a table holds them. */
  readonly rows: Float32Array;
  readonly values: Float32Array;
  readonly gradient: number;
  /** Factors of the step, as after a few events. */
  readonly facts: readonly [number, number];
}

/** An event on rows that have a history: some never seen, some seen a few times. */
function eventOf(optimizer: CoordinateOptimizerConfig, count: number): Event {
  const random = randomFrom(count);
  const rule = optimizerOf(optimizer);
  const width = rule.slots.length;
  const rows = new Float32Array(count * width);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const steps = Math.floor(random() * 4);
    for (let step = 0; step < steps; step++) {
      const facts = { x: random() * 4 - 2, factors: factorsAt(rule, step + 1) };
      rule.step(rows, i * width, random() * 4 - 2, i === 0, facts);
    }
    values[i] = i === 0 ? 1 : random() * 4 - 2;
  }
  return { count, rows, values, gradient: Math.fround(random() * 2 - 1), facts: factorsAt(rule, 4) };
}

function factorsAt({ factors }: Optimizer, count: number): readonly [number, number] {
  const [first, second] = factors?.at(count) ?? [1, 1];
  return [Math.fround(first), Math.fround(second)];
}

/** Fills the kernels' planes for an event, the rest with zeros. */
function load(sized: ReturnType<LinearKernels['sized']>, { count, rows, values }: Event): void {
  const width = rows.length / count;
  sized.rows.fill(0);
  sized.values.fill(0);
  sized.values.set(values);
  for (let i = 0; i < count; i++) {
    for (let slot = 0; slot < width; slot++) sized.rows[slot * sized.size + i] = rows[i * width + slot]!;
  }
}

/** From planes back to rows one after another. */
function unload(stepped: Float32Array, size: number, { count, rows }: Event): Float32Array {
  const width = rows.length / count;
  return rows.map((_, at) => stepped[(at % width) * size + Math.floor(at / width)]!);
}

function plainScore(optimizer: CoordinateOptimizerConfig, { count, rows, values }: Event): number {
  const rule = optimizerOf(optimizer);
  const width = rule.slots.length;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += rule.weight(rows, i * width, values[i]!) * values[i]!;
  return Math.fround(sum);
}

function plainStep(optimizer: CoordinateOptimizerConfig, intercept: boolean, event: Event): Float32Array {
  const rule = optimizerOf(optimizer);
  const width = rule.slots.length;
  const rows = Float32Array.from(event.rows);
  for (let i = 0; i < event.count; i++) {
    const facts = { x: event.values[i]!, factors: event.facts };
    rule.step(rows, i * width, event.gradient * event.values[i]!, intercept && i === 0, facts);
  }
  return rows;
}

const isNear = (got: number, expected: number): boolean =>
  Math.abs(got - expected) <= 2e-5 * Math.max(1, Math.abs(expected));

/** `cpu` to the bit, `webasm` to float32's tolerance. */
function agree(mode: KernelMode, got: Float32Array, expected: Float32Array): boolean {
  if (mode === 'cpu') return Buffer.compare(Buffer.from(got.buffer), Buffer.from(expected.buffer)) === 0;
  return got.length === expected.length && got.every((number, i) => isNear(number, expected[i]!));
}

export function checkExecutor(t: Test, kernels: LinearKernels, mode: KernelMode): void {
  const { executor, fallback } = kernels.report();
  t.equal(executor, mode, 'the backend that was asked for ran');
  t.equal(fallback, undefined, 'nothing fell back');
}

export function checkKernels(
  t: Test,
  name: string,
  optimizer: CoordinateOptimizerConfig,
  mode: KernelMode,
): void {
  for (const intercept of [true, false]) {
    const title = `${name}, ${mode}, ${intercept ? 'with' : 'without'} intercept`;
    t.test(`kernels - ${title}: score and step are those of the optimiser`, async (t) => {
      const kernels = linearKernels(optimizer, { mode, intercept });
      for (const size of eventSizes) {
        const event = eventOf(optimizer, size);
        const sized = kernels.sized(size);
        load(sized, event);
        const score = new Float32Array([sized.score()]);
        const scale = size > 100 ? size / 100 : 1;
        const expected = new Float32Array([plainScore(optimizer, event)]);
        if (mode === 'cpu') t.equal(score[0], expected[0], `score of ${size}`);
        else
          t.ok(
            Math.abs(score[0]! - expected[0]!) <= 1e-5 * scale * Math.max(1, Math.abs(expected[0]!)),
            `score of ${size}`,
          );
        const stepped = unload(sized.step(event.gradient, event.facts), sized.size, event);
        t.ok(agree(mode, stepped, plainStep(optimizer, intercept, event)), `step of ${size}`);
      }
      checkExecutor(t, kernels, mode);
    });
  }

  t.test(`kernels - ${name}, ${mode}: the size class does not show`, async (t) => {
    const kernels = linearKernels(optimizer, { mode, intercept: true });
    const event = eventOf(optimizer, 7);
    const results = [7, 30, 200].map((classFor) => {
      const sized = kernels.sized(classFor);
      load(sized, event);
      const score = sized.score();
      const stepped = sized.step(event.gradient, event.facts);
      t.ok(stepped.every(Number.isFinite), `padding stays finite in the class of ${sized.size}`);
      return [score, ...unload(stepped, sized.size, event)];
    });
    const [exact, ...padded] = results;
    for (const result of padded) {
      if (mode === 'cpu') t.same(result, exact);
      else t.ok(result.every((number, i) => isNear(number, exact![i]!)));
    }
    checkExecutor(t, kernels, mode);
  });

  if (mode === 'cpu') checkSource(t, name, optimizer);
}

/** The functions that gpu.js reads, called as plain functions with a made-up `this`. */
function checkSource(t: Test, name: string, optimizer: CoordinateOptimizerConfig): void {
  t.test(`kernels - ${name}: the source called directly gives the same`, async (t) => {
    const kernels = linearKernels(optimizer, { mode: 'cpu', intercept: true });
    const { score, step, constants: own } = stepSourceOf(optimizer, true);
    const event = eventOf(optimizer, 13);
    const sized = kernels.sized(13);
    load(sized, event);
    const constants = { ...own, size: sized.size } as unknown as StepThis['constants'];
    const thread = (x: number): StepThis => ({ thread: { x }, constants });
    t.equal(Math.fround(score.call(thread(0), sized.rows, sized.values)), sized.score());
    const gradient = new Float32Array([event.gradient, ...event.facts]);
    const direct = sized.rows.map((_, x) => step.call(thread(x), sized.rows, sized.values, gradient));
    t.ok(agree('cpu', direct, Float32Array.from(sized.step(event.gradient, event.facts))));
  });
}
