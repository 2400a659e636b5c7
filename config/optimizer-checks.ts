/** What an update rule does not go together with. */
import { joinOf } from './optimizer-schema.ts';
import { type Problem, type SettingPath, wrongValue } from './problem.ts';
import type { ModelConfig } from './schema.ts';

export function optimizerProblems(path: SettingPath, model: ModelConfig): Problem[] {
  const problems: Problem[] = [];
  const { optimizer, features, actors, task } = model;
  const kind = `optimizer "${optimizer.name}"`;
  for (const rate of ['interceptLearningRate', 'plainInterceptRate'] as const) {
    if (features.intercept || !hasOwn(optimizer, rate)) continue;
    const sentence =
      'expected features.intercept to be true, got false; remove this rate or allow the intercept';
    problems.push(wrongValue([...path, 'optimizer', rate], sentence));
  }
  const findsScales = optimizer.name === 'coin' || (optimizer.name === 'nag' && task === 'multiclass');
  if (findsScales && features.standardize) {
    const sentence = `expected false with ${kind}, which finds the scale of each number itself; got true`;
    problems.push(wrongValue([...path, 'features', 'standardize'], sentence));
  }
  if (joinOf(optimizer) === 'none' && actors.learners > 1) {
    const which = optimizer.name === 'nag' ? `${kind} and a penalty or a half-life` : kind;
    const sentence = `expected 1 with ${which}, whose rows two learners cannot join; got ${actors.learners}`;
    problems.push(wrongValue([...path, 'actors', 'learners'], sentence));
  }
  if (optimizer.name === 'sgd' && optimizer.offset !== undefined && optimizer.power === undefined) {
    const sentence = `expected it beside optimizer.power, without which the rate is constant; got ${optimizer.offset}`;
    problems.push(wrongValue([...path, 'optimizer', 'offset'], sentence));
  }
  if (model.task === 'regression' && actors.learners > 1 && /pistol|coin/.test(optimizer.name)) {
    const sentence = `expected 1 with ${kind} and task "regression", got ${actors.learners}: the range of the labels is kept by one`;
    problems.push(wrongValue([...path, 'actors', 'learners'], sentence));
  }
  return [...problems, ...boundProblems(path, model), ...classProblems(path, model)];
}

function boundProblems(path: SettingPath, { predictionMin, predictionMax }: ModelConfig): Problem[] {
  if (predictionMin === undefined || predictionMax === undefined || predictionMin < predictionMax) return [];
  const sentence = `expected less than predictionMax (${predictionMax}), got ${predictionMin}`;
  return [wrongValue([...path, 'predictionMin'], sentence)];
}

/** Settings of a linear model with one score. */
function classProblems(path: SettingPath, model: ModelConfig): Problem[] {
  const { task, family, optimizer } = model;
  if (task !== 'multiclass' && family.name === 'linear') return [];
  const where =
    task === 'multiclass'
      ? 'task "binary" or "regression", got "multiclass"'
      : `family "linear", got "${family.name}"`;
  const penalties = family.name === 'linear' ? [] : ['l1', 'l2'];
  const settings = ['predictionMin', 'predictionMax'].filter((name) => hasOwn(model, name));
  const rules = ['plainInterceptRate', 'importanceAware', ...penalties].filter((name) =>
    hasOwn(optimizer, name),
  );
  return [...settings.map((name) => [name]), ...rules.map((name) => ['optimizer', name])].map((place) =>
    wrongValue([...path, ...place], `expected it with ${where}; remove it`),
  );
}

const hasOwn = (settings: object, name: string): boolean =>
  Object.hasOwn(settings, name) && (settings as Record<string, unknown>)[name] !== undefined;
