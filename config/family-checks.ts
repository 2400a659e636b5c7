/** What a family of models asks of the settings beside it. */
import { optimizersOfFamily } from './family-schema.ts';
import { type Problem, type SettingPath, wrongValue } from './problem.ts';
import type { ModelConfig } from './schema.ts';

/** Why only one learner can push to it. */
function alone({ family, task }: ModelConfig): string | undefined {
  if (family.name === 'network') {
    return 'with family "network", whose dense layers every event changes: steps made side by side overshoot together';
  }
  return task === 'regression'
    ? `with family "${family.name}" and task "regression", where one learner keeps the range of the labels`
    : undefined;
}

export function familyProblems(path: SettingPath, model: ModelConfig): Problem[] {
  const { family, optimizer, task, actors } = model;
  if (family.name === 'linear') return [];
  const problems: Problem[] = [];
  const defined = optimizersOfFamily[family.name];
  if (!defined.includes(optimizer.name)) {
    const names = defined.map((name) => `"${name}"`).join(' or ');
    problems.push(
      wrongValue(
        [...path, 'optimizer', 'name'],
        `expected ${names} with family "${family.name}", got "${optimizer.name}"`,
      ),
    );
  }
  if (family.name === 'fm' && task === 'multiclass') {
    const sentence = `expected "binary" or "regression" with family "${family.name}", got "${task}"`;
    problems.push(wrongValue([...path, 'task'], sentence));
  }
  const why = actors.learners > 1 ? alone(model) : undefined;
  if (why !== undefined) {
    problems.push(wrongValue([...path, 'actors', 'learners'], `expected 1 ${why}, got ${actors.learners}`));
  }
  if (
    family.name === 'network' &&
    'interceptLearningRate' in optimizer &&
    optimizer.interceptLearningRate !== undefined
  ) {
    const sentence = 'expected it with weights, not with family "network"; remove it';
    problems.push(wrongValue([...path, 'optimizer', 'interceptLearningRate'], sentence));
  }
  return problems;
}
