/**
 * River's pipelines as models of ours: `StandardScaler | linear model` with an intercept of plain gradient steps. Those of
 * which we have no like are named with the reason.
 */
import type { ModelInput } from '../../config/schema.ts';
import type { Columns } from '../streams/sets.ts';

export interface RiverModel {
  readonly model: ModelInput;
  /** Column that is the label, and its text that means 1. */
  readonly label: string;
  readonly positive?: string;
  /** Columns that are features; all others when absent. */
  readonly features?: readonly string[];
  /** What a row gets beside its columns. */
  readonly derived?: (row: Columns) => Columns;
  /** Where the figures cannot be the same to the last digit. */
  readonly why?: string;
}

type Optimizer = NonNullable<ModelInput['optimizer']>;
const scaled = { bits: 12, standardize: true } as const;
const plainInterceptRate = 0.01;

const itself = 'Vowpal Wabbit 9.11.9 itself comes to our figures with this command line';

const phishing = (optimizer: Optimizer): RiverModel => ({
  model: { task: 'binary', optimizer, features: scaled },
  label: 'is_phishing',
  positive: '1',
});

const sgd = (learningRate: number): Optimizer => ({ name: 'sgd', learningRate, interceptLearningRate: 0.01 });

const chick = (optimizer: Optimizer): RiverModel => ({
  model: { task: 'regression', optimizer, features: scaled },
  label: 'weight',
});

const weather = ['clouds', 'humidity', 'pressure', 'temperature', 'wind'];
const adam = (variant: 'adam' | 'amsgrad' | 'adamax' | 'nadam'): Optimizer => ({
  name: 'adam',
  learningRate: 0.1,
  variant,
  plainInterceptRate,
});

export const models: Readonly<Record<string, RiverModel>> = {
  'river-phishing-lr': phishing(sgd(0.005)),
  'river-phishing-lr01': phishing(sgd(0.1)),
  'river-phishing-adagrad': phishing({ name: 'adagrad', learningRate: 0.1, plainInterceptRate }),
  'river-phishing-adam': phishing(adam('adam')),
  'river-phishing-momentum': phishing({ name: 'momentum', learningRate: 0.1, plainInterceptRate }),
  'river-phishing-rmsprop': phishing({ name: 'rmsprop', learningRate: 0.1, plainInterceptRate }),
  'river-phishing-ftrlproximal': {
    ...phishing({ name: 'ftrl', alpha: 0.05, beta: 1, l2: 1, plainInterceptRate }),
    why: 'River predicts with the weights from before the last step of each feature',
  },
  'river-phishing-adabound': phishing({ name: 'adabound', plainInterceptRate }),
  'river-phishing-adadelta': phishing({ name: 'adadelta', plainInterceptRate }),
  'river-phishing-adamax': phishing(adam('adamax')),
  'river-phishing-amsgrad': phishing(adam('amsgrad')),
  'river-phishing-nadam': phishing(adam('nadam')),
  'river-phishing-nesterovmomentum': phishing({
    name: 'momentum',
    learningRate: 0.1,
    nesterov: true,
    plainInterceptRate,
  }),
  'river-phishing-vowpal': {
    model: { task: 'binary', optimizer: { name: 'sgd', learningRate: 0.005 }, features: { bits: 12 } },
    label: 'is_phishing',
    positive: '1',
    why: itself,
  },
  'river-elec2-lr': {
    model: { task: 'binary', optimizer: sgd(0.005), features: scaled },
    label: 'class',
    positive: 'UP',
  },
  'river-elec2-vowpal': {
    model: { task: 'binary', optimizer: { name: 'sgd', learningRate: 0.005 }, features: { bits: 12 } },
    label: 'class',
    positive: 'UP',
    why: itself,
  },
  'river-chick-lin': chick(sgd(0.01)),
  'river-chick-regularization': chick({ ...sgd(0.01), l2: 1 } as Optimizer),
  'river-segment-softmax': {
    model: {
      task: 'multiclass',
      loss: 'softmax',
      optimizer: { name: 'sgd', learningRate: 0.01 },
      features: { ...scaled, intercept: false },
    },
    label: 'category',
    why: 'River gives a class a place when it is first seen, ours begins with all that were',
  },
  'river-bikes-1': {
    model: {
      task: 'regression',
      optimizer: { name: 'sgd', learningRate: 0.001, interceptLearningRate: 0.01 },
      features: scaled,
    },
    label: 'bikes',
    features: weather,
  },
  'river-bikes-2': {
    model: {
      task: 'regression',
      optimizer: { name: 'sgd', learningRate: 0.001, interceptLearningRate: 0.01 },
      features: {
        ...scaled,
        aggregates: [{ name: 'past', of: 'label', by: ['station', 'hour'], how: 'mean' }],
        ignoreLinear: ['station', 'hour'],
      },
    },
    label: 'bikes',
    features: [...weather, 'station', 'hour'],
    derived: ({ moment }) => ({ hour: String(moment).slice(11, 13) }),
  },
};

const forests = 'a tree, a forest or neighbours: no linear model';

/** Reasons by what stands in a pipeline's name. */
const foreign: readonly (readonly [part: RegExp, why: string])[] = [
  [/Tree|Forest|Neighbors|Bagging|Naive Bayes|MLP/, forests],
  [/ALMA|Passive|Averager/, 'no optimiser of ours'],
  [/SGDClassifier/, "scikit-learn's own order of scaling"],
  [/previous label|Mean;/, 'no model that learns'],
  [
    /reco\.|FMRegressor|HOFM|FFM|FwFM/,
    'from random numbers of its own; docs/quality.md has the families on real streams',
  ],
  [/previous case/, 'its own source does not come to these figures with labels that are late'],
];

export const whyNot = (pipeline: string): string =>
  foreign.find(([part]) => part.test(pipeline))?.[1] ?? 'no model of ours is like it';
