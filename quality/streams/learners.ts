/**
 * What runs on every stream: for each task one configuration, the same for all of its sets; and other families where
 * they are said to do better, again with one configuration each.
 */
import type { ModelInput } from '../../config/schema.ts';
import type { Measure, SetTask } from './sets.ts';

/** Collisions say more of a table's size than of a learner: Vowpal Wabbit gets as many bits. */
const bits = 22;

export const defaults: Readonly<Record<SetTask, ModelInput>> = {
  binary: { task: 'binary', features: { bits, standardize: true } },
  regression: {
    task: 'regression',
    optimizer: { name: 'nag', halfLife: 1000 },
    features: { bits, standardize: true, standardizeLabel: true },
  },
  multiclass: {
    task: 'multiclass',
    optimizer: { name: 'adagrad' },
    features: { bits: 16, standardize: true },
  },
};

export interface OtherFamily {
  readonly name: string;
  readonly sets: readonly string[];
  readonly model: ModelInput;
  /** That of the set when absent. */
  readonly measure?: Measure;
}

const standardize = true;
const network: ModelInput = { family: { name: 'network' }, features: { bits: 18, standardize } };

export const families: readonly OtherFamily[] = [
  { name: 'fm', sets: ['amazon_access'], model: { family: { name: 'fm' }, features: { bits } } },
  {
    name: 'fm',
    sets: ['ml-100k'],
    model: { task: 'regression', family: { name: 'fm' }, features: { bits } },
  },
  {
    name: 'mf',
    sets: ['ml-100k'],
    model: { task: 'regression', family: { name: 'mf', user: 'user', item: 'item' } },
  },
  { name: 'network', sets: ['elec2', 'phishing', 'sea'], model: network },
  { name: 'network', sets: ['elec2', 'phishing', 'sea'], model: network, measure: 'errorRate' },
  { name: 'network', sets: ['segment'], model: { ...network, task: 'multiclass' } },
];
