/** The steps of a linear model as a plain loop over a table: no kernels, no copies, no checks. The floor of `core`. */
import type { ModelConfig } from '../config/schema.ts';
import type { Batch } from '../src/learner/batch.ts';
import { lossFunction } from '../src/model/losses.ts';
import { type NagConfig, nagUpdate, withTarget } from '../src/model/optimizers/nag.ts';
import { type CoordinateOptimizerConfig, optimizerOf } from '../src/model/optimizers/optimizer.ts';

type LearnBatch = (batch: Batch) => void;

export function plainLoop({ optimizer }: ModelConfig, table: Float32Array, width: number): LearnBatch {
  if (optimizer.name === 'coin') throw new Error('coin betting has no plain loop');
  return isNag(optimizer) ? nagLoop(optimizer, table, width) : coordinateLoop(optimizer, table, width);
}

const isNag = (optimizer: CoordinateOptimizerConfig | NagConfig): optimizer is NagConfig =>
  optimizer.name === 'nag';

function coordinateLoop(config: CoordinateOptimizerConfig, table: Float32Array, width: number): LearnBatch {
  const optimizer = optimizerOf(config);
  const loss = lossFunction('logistic');
  return ({ count, offsets, rows, values, labels, weights }) => {
    for (let event = 0; event < count; event++) {
      const [from, to] = [offsets[event]!, offsets[event + 1]!];
      let raw = 0;
      for (let i = from; i < to; i++) raw += optimizer.weight(table, rows[i]! * width) * values[i]!;
      const gradient = weights[event]! * loss.derivative(raw, labels[event]!);
      for (let i = from; i < to; i++)
        optimizer.step(table, rows[i]! * width, gradient * values[i]!, i === from);
    }
  };
}

/** The rows of a row are (w, G, N); the two behind the intercept hold what the whole model remembers. */
function nagLoop(config: NagConfig, table: Float32Array, width: number): LearnBatch {
  const loss = lossFunction('logistic');
  return ({ count, offsets, rows, values, labels, weights }) => {
    for (let event = 0; event < count; event++) {
      const [from, to] = [offsets[event]!, offsets[event + 1]!];
      const [sums, range] = [rows[from + 1]! * width, rows[from + 2]! * width];
      let score = 0;
      for (let i = from; i < to; i++) score += table[rows[i]! * width]! * values[i]!;
      const [label, weight] = [labels[event]!, weights[event]!];
      const squared = weight * loss.squaredDerivative(score, label);
      let [sensitivity, norm] = [0, 0];
      for (let i = from; i < to; i++) {
        const x = values[i]!;
        if (x === 0) continue;
        const at = rows[i]! * width;
        const scale = Math.max(table[at + 2]!, Math.abs(x));
        if (table[at + 2]! > 0) table[at]! *= table[at + 2]! / scale;
        table[at + 1]! += squared * x * x;
        table[at + 2] = scale;
        sensitivity += (x * x) / (Math.sqrt(table[at + 1]!) * scale);
        norm += (x / scale) ** 2;
      }
      const state = withTarget(
        { weight: table[sums]!, norm: table[sums + 1]!, least: table[range]!, greatest: table[range + 1]! },
        loss.target(label),
      );
      const next = nagUpdate(config, loss, state, { score, label, weight }, { sensitivity, norm });
      for (let i = from; i < to; i++) {
        const x = values[i]!;
        const at = rows[i]! * width;
        if (x !== 0) table[at]! += (next.factor * x) / (Math.sqrt(table[at + 1]!) * table[at + 2]!);
      }
      table[sums] = next.state.weight;
      table[sums + 1] = next.state.norm;
      table[range] = next.state.least;
      table[range + 1] = next.state.greatest;
    }
  };
}
