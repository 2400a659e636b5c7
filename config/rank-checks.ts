/** Exploration that a model has not what it takes for. */
import { type Problem, type SettingPath, wrongValue } from './problem.ts';
import type { ModelConfig } from './schema.ts';

export function rankProblems(path: SettingPath, model: ModelConfig): Problem[] {
  const { explore } = model.rank;
  const here = [...path, 'rank', 'explore'];
  if (explore.name === 'none') return [];
  if (model.task === 'multiclass') {
    const sentence = `expected "none" with task "multiclass", which has no one score to rank by, got "${explore.name}"`;
    return [wrongValue([...here, 'name'], sentence)];
  }
  if (explore.name !== 'softmax' || explore.uncertainty === 0 || isDoubtful(model)) return [];
  const sentence = `expected 0 where nothing tells how uncertain a score is (optimizers ftrl, adagrad, and nag without l1 and l2 do; not of networks), got ${explore.uncertainty}`;
  return [wrongValue([...here, 'uncertainty'], sentence)];
}

/** Whether it keeps the sums of squared gradients that u(x) is made of. */
function isDoubtful({ family, optimizer }: ModelConfig): boolean {
  if (family.name === 'network') return false;
  if (optimizer.name === 'nag') return optimizer.l1 === undefined && optimizer.l2 === undefined;
  return optimizer.name === 'ftrl' || optimizer.name === 'adagrad';
}
