/**
 * What every optimiser must do, whatever its rule. An optimiser's own test calls `checkOptimizer` with its
 * configuration and the rule written down once more in the plainest way.
 */
import fc from 'fast-check';
import type { Test } from 'tap';
import { logistic } from '../../src/model/losses/logistic.ts';
import { type CoordinateOptimizerConfig, optimizerOf } from '../../src/model/optimizers/optimizer.ts';

/** One step by the formula of the paper, in doubles; the check rounds what comes out. */
export type PlainStep = (
  row: readonly number[],
  gradient: number,
  intercept: boolean,
  factors: readonly [number, number],
) => readonly number[];

export interface OptimizerCase {
  readonly config: CoordinateOptimizerConfig;
  readonly step: PlainStep;
  readonly weight: (row: readonly number[]) => number;
  /** Whether a coordinate moves on without a gradient, by what it remembers or a penalty, and not always downhill. */
  readonly drifts?: boolean;
  /** Rows as they may be, where not all are. */
  readonly rows?: fc.Arbitrary<number[]>;
  /** How near a constant must be learned. */
  readonly near?: number;
}

/** Rows of any history: a free first slot, then sums of squares, which are never negative. */
export const anyRow = (slots: number): fc.Arbitrary<number[]> =>
  fc
    .array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: slots, maxLength: slots })
    .map((row) => row.map((slot, i) => (i === 0 ? slot + 0 : Math.abs(slot))));

const anyGradient = fc.float({ min: -50, max: 50, noNaN: true });
const bitsOf = (row: Float32Array) => Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('hex');

export function checkOptimizer(
  t: Test,
  name: string,
  { config, step, weight, ...kind }: OptimizerCase,
): void {
  const optimizer = optimizerOf(config);
  const slots = optimizer.slots.length;
  const rows = kind.rows ?? anyRow(slots);
  const factsAt = (count: number) => {
    const [first, second] = optimizer.factors?.at(count) ?? [1, 1];
    return { x: 1, factors: [Math.fround(first), Math.fround(second)] as const };
  };

  t.test(`${name} - a step is what the formula says, rounded once`, async () => {
    const property = fc.property(rows, anyGradient, fc.boolean(), (start, gradient, intercept) => {
      const row = new Float32Array(start);
      const facts = factsAt(3);
      optimizer.step(row, 0, gradient, intercept, facts);
      const expected = step([...new Float32Array(start)], gradient, intercept, facts.factors);
      return expected.every((slot, i) => Math.abs(slot - row[i]!) <= 1e-6 * Math.max(1, Math.abs(slot)));
    });
    fc.assert(property, { numRuns: 500 });
  });

  t.test(`${name} - the weight is what the formula says`, async () => {
    const property = fc.property(rows, (start) => {
      const got = optimizer.weight(new Float32Array(start), 0);
      const expected = weight([...new Float32Array(start)]);
      return Math.abs(got - expected) <= 1e-12 * Math.max(1, Math.abs(expected));
    });
    fc.assert(property);
  });

  t.test(
    `${name} - pure: the same row and gradient give the same bits, and no other row changes`,
    async () => {
      const property = fc.property(rows, anyGradient, fc.boolean(), (start, gradient, intercept) => {
        const table = new Float32Array([...start, ...start, ...start]);
        const other = optimizerOf(config);
        optimizer.step(table, slots, gradient, intercept);
        const again = new Float32Array(start);
        other.step(again, 0, gradient, intercept);
        const untouched = bitsOf(new Float32Array(start));
        return (
          bitsOf(table.subarray(slots, 2 * slots)) === bitsOf(again) &&
          bitsOf(table.subarray(0, slots)) === untouched &&
          bitsOf(table.subarray(2 * slots)) === untouched
        );
      });
      fc.assert(property);
    },
  );

  t.test(
    `${name} - a gradient of zero changes no bit${kind.drifts ? ' of a row that was never touched' : ''}`,
    async () => {
      const property = fc.property(
        rows,
        fc.constantFrom(0, -0),
        fc.boolean(),
        (start, gradient, intercept) => {
          const row = kind.drifts ? new Float32Array(slots) : new Float32Array(start);
          const before = bitsOf(row);
          optimizer.step(row, 0, gradient, intercept, { ...factsAt(1), x: 0 });
          return bitsOf(row) === before;
        },
      );
      fc.assert(property);
    },
  );

  if (kind.drifts !== true) checkDownhill(t, name, config);

  t.test(`${name} - learns a constant`, async (t) => {
    const row = new Float32Array(slots);
    for (let i = 0; i < 4000; i++) {
      const raw = optimizer.weight(row, 0);
      optimizer.step(row, 0, logistic.derivative(raw, i % 4 === 0 ? 1 : 0), false, factsAt(i + 1));
    }
    const rate = logistic.link(optimizer.weight(row, 0));
    t.ok(Math.abs(rate - 0.25) < (kind.near ?? 0.06), `${rate.toFixed(3)} for a quarter`);
  });
}

function checkDownhill(t: Test, name: string, config: CoordinateOptimizerConfig): void {
  const optimizer = optimizerOf(config);
  const slots = optimizer.slots.length;
  t.test(`${name} - a step goes downhill`, async () => {
    const property = fc.property(
      fc.float({ min: -2, max: 2, noNaN: true }),
      fc.constantFrom(0, 1),
      fc.float({ min: Math.fround(0.1), max: 1, noNaN: true }),
      (before, label, x) => {
        // A row that has some history: its first steps came from this very event.
        const row = new Float32Array(slots);
        optimizer.step(row, 0, before, false);
        const raw = optimizer.weight(row, 0) * x;
        const { value, derivative } = logistic;
        optimizer.step(row, 0, derivative(raw, label) * x, false);
        return value(optimizer.weight(row, 0) * x, label) <= value(raw, label) + 1e-7;
      },
    );
    fc.assert(property);
  });
}
