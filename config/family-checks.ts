/** What a family of models asks of the settings beside it. */
import { type FamilyConfig, optimizersOfFamily } from './family-schema.ts';
import { type Problem, type SettingPath, wrongValue } from './problem.ts';
import type { ModelConfig } from './schema.ts';

const pairFeatures: ReadonlySet<string> = new Set(['bits', 'intercept', 'standardizeLabel']);

/** It reads two fields and nothing else. */
function pairProblems(
  path: SettingPath,
  { user, item, feedback, items }: Extract<FamilyConfig, { name: 'mf' }>,
  { task, features }: ModelConfig,
): Problem[] {
  const problems: Problem[] = [];
  const expected = (place: readonly string[], sentence: string) =>
    problems.push(wrongValue([...path, ...place], sentence));
  if (user === item) expected(['family', 'item'], `expected another field than family.user, got "${item}"`);
  if (feedback === 'implicit' && task !== 'binary') {
    expected(['task'], `expected "binary" with family.feedback "implicit", got "${task}"`);
  }
  if (feedback === 'implicit' && items > 2 ** (features.bits - 1)) {
    const most = 2 ** (features.bits - 1);
    expected(['family', 'items'], `expected at most half of the ${2 * most} rows, ${most}, got ${items}`);
  }
  for (const [name, value] of Object.entries(features)) {
    const isSet = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
    if (!isSet || pairFeatures.has(name)) continue;
    expected(['features', name], 'expected none with family "mf", which reads two fields; remove it');
  }
  return problems;
}

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
  if (family.name !== 'network' && task === 'multiclass') {
    const sentence = `expected "binary" or "regression" with family "${family.name}", got "${task}"`;
    problems.push(wrongValue([...path, 'task'], sentence));
  }
  if (family.name === 'mf') problems.push(...pairProblems(path, family, model));
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
