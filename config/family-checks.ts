/** What a family of models asks of the settings beside it. */
import { optimizersOfFamily } from './family-schema.ts';
import { type Problem, type SettingPath, wrongValue } from './problem.ts';
import type { ModelConfig } from './schema.ts';

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
  if (task === 'regression' && actors.learners > 1) {
    const sentence = `expected 1 with family "${family.name}" and task "${task}", got ${actors.learners}`;
    problems.push(
      wrongValue([...path, 'actors', 'learners'], `${sentence}: the range of the labels is kept by one`),
    );
  }
  return problems;
}
