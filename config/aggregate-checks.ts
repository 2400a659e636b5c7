/** Aggregates that are each right and do not go together, with one another or with the model. */
import { type Problem, type SettingPath, wrongValue } from './problem.ts';
import type { ModelConfig } from './schema.ts';

export function aggregateProblems(path: SettingPath, { task, features, actors }: ModelConfig): Problem[] {
  const { aggregates = [] } = features;
  return aggregates.flatMap(({ name, of, how, window, prior }, index) => {
    const here = (...keys: string[]) => [...path, 'features', 'aggregates', index, ...keys];
    const problems: Problem[] = [];
    if (aggregates.findIndex((other) => other.name === name) < index)
      problems.push(wrongValue(here('name'), `expected each name once, got "${name}" again`));
    if (window !== undefined && (window.events === undefined) === (window.ms === undefined)) {
      const got = window.events === undefined ? 'neither' : 'both';
      problems.push(wrongValue(here('window'), `expected events or ms, got ${got}; give one of them`));
    }
    if (prior !== undefined && how !== 'mean')
      problems.push(
        wrongValue(here('prior'), `expected a prior of a mean only, got one of a ${how}; remove it`),
      );
    if (task === 'multiclass' && of === 'label' && how !== 'count')
      problems.push(wrongValue(here('how'), `expected "count" of labels that are classes, got "${how}"`));
    if (window !== undefined && actors.learners > 1) {
      const sentence = `expected one learner with a window, whose parts two learners cannot join, got ${actors.learners}`;
      problems.push(wrongValue(here('window'), `${sentence}; set actors.learners to 1`));
    }
    return problems;
  });
}
