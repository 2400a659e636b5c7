/** Settings of classes that do not go together. */
import { classText } from './class-label.ts';
import { type Problem, type SettingPath, wrongValue } from './problem.ts';
import type { ModelConfig } from './schema.ts';

export function classProblems(path: SettingPath, model: ModelConfig): Problem[] {
  const own = model.task === 'multiclass' ? ofClasses(path, model) : ofOneScore(path, model);
  return [...own, ...weightProblems(path, model)];
}

/** Weights of classes that there are. */
function weightProblems(path: SettingPath, { task, classes, classWeights = {} }: ModelConfig): Problem[] {
  const known = task === 'binary' ? ['0', '1'] : task === 'regression' ? [] : classes?.map(classText);
  return Object.keys(classWeights)
    .filter((name) => known?.includes(name) === false)
    .map((name) =>
      wrongValue(
        [...path, 'classWeights', name],
        known!.length === 0
          ? `expected it with classes only, got task "${task}"`
          : `expected one of the classes ${known!.slice(0, 12).join(', ')}, got "${name}"`,
      ),
    );
}

function ofOneScore(path: SettingPath, { task, classes, classesMax }: ModelConfig): Problem[] {
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries({ classes, classesMax })) {
    if (value === undefined) continue;
    problems.push(wrongValue([...path, name], `expected it with task "multiclass" only, got task "${task}"`));
  }
  return problems;
}

function ofClasses(path: SettingPath, { classes, classesMax, loss, optimizer, actors, guard }: ModelConfig) {
  const problems: Problem[] = [];
  if (classes !== undefined && classesMax !== undefined) {
    problems.push(
      wrongValue([...path, 'classesMax'], 'expected either classes or classesMax, got both; remove one'),
    );
  }
  const texts = classes?.map(classText) ?? [];
  for (const [index, text] of texts.entries()) {
    if (texts.indexOf(text) === index) continue;
    problems.push(
      wrongValue([...path, 'classes', index], `expected each class once, got ${JSON.stringify(text)} again`),
    );
  }
  if (loss === 'softmax' && (optimizer.name === 'nag' || optimizer.name === 'coin')) {
    const sentence = `expected a loss of one score with optimizer "${optimizer.name}", whose steps are made for one; got "softmax"`;
    problems.push(wrongValue([...path, 'loss'], `${sentence}; leave it away to learn one against all`));
  }
  if (classes === undefined && actors.learners > 1) {
    const sentence = `expected 1 without a list of classes, got ${actors.learners}: two learners would give one number to different classes`;
    problems.push(wrongValue([...path, 'actors', 'learners'], `${sentence}; list them in classes`));
  }
  for (const key of ['baseRateMin', 'baseRateMax'] as const) {
    if (guard[key] === undefined) continue;
    problems.push(wrongValue([...path, 'guard', key], 'expected it for labels that are numbers; remove it'));
  }
  return problems;
}
