/** Which kernels an optimiser that works coordinate by coordinate has, with their constants. */
import { type CoordinateOptimizerConfig, optimizerOf } from '../model/optimizers/optimizer.ts';
import { penaltyOf } from '../model/optimizers/penalty.ts';
import { stepAdabound } from './adabound-function.ts';
import { scorePistol, stepPistol } from './betting-functions.ts';
import {
  scoreAhead,
  stepAdadelta,
  stepAdam,
  stepAmsgrad,
  stepMomentum,
  stepRmsprop,
} from './mean-functions.ts';
import {
  type ScoreFunction,
  type StepFunction,
  scoreFtrl,
  scoreOfWeights,
  stepAdagrad,
  stepFtrl,
  stepSgd,
} from './step-functions.ts';

interface Kernels {
  readonly score: ScoreFunction;
  /** The score whose gradient a step takes, where it is not that of a prediction. */
  readonly ahead?: ScoreFunction;
  readonly step: StepFunction;
}

export interface StepSource extends Kernels {
  readonly slots: number;
  readonly constants: Record<string, number>;
}

export function stepSourceOf(optimizer: CoordinateOptimizerConfig, intercept: boolean): StepSource {
  const slots = optimizerOf(optimizer).slots.length;
  return { slots, ...kernelsOf(optimizer), constants: constantsOf(optimizer, intercept) };
}

function kernelsOf(optimizer: CoordinateOptimizerConfig): Kernels {
  const score = scoreOfWeights;
  switch (optimizer.name) {
    case 'sgd':
      return { score, step: stepSgd };
    case 'momentum':
      return { score, step: stepMomentum, ...(optimizer.nesterov && { ahead: scoreAhead }) };
    case 'adagrad':
      return { score, step: stepAdagrad };
    case 'adadelta':
      return { score, step: stepAdadelta };
    case 'rmsprop':
      return { score, step: stepRmsprop };
    case 'adam':
      return { score, step: optimizer.variant === 'amsgrad' ? stepAmsgrad : stepAdam };
    case 'adabound':
      return { score, step: stepAdabound };
    case 'ftrl':
      return { score: scoreFtrl, step: stepFtrl };
    case 'pistol':
      return { score: scorePistol, step: stepPistol };
  }
}

const variants = { adam: 0, amsgrad: 0, adamax: 1, nadam: 2 } as const;

function constantsOf(optimizer: CoordinateOptimizerConfig, intercept: boolean): Record<string, number> {
  if (optimizer.name === 'ftrl') {
    const { alpha, beta, l1, l2 } = optimizer;
    return { alpha, beta, l1, l2 };
  }
  if (optimizer.name === 'pistol') return { alpha: optimizer.alpha, beta: optimizer.beta };
  const { l1, l2 } = penaltyOf(optimizer, false);
  const { l1: interceptL1, l2: interceptL2 } = penaltyOf(optimizer, intercept);
  return { l1, l2, interceptL1, interceptL2, ...ratesOf(optimizer, intercept), ...decaysOf(optimizer) };
}

type PenalizedConfig = Exclude<CoordinateOptimizerConfig, { name: 'ftrl' | 'pistol' }>;

function ratesOf(optimizer: PenalizedConfig, intercept: boolean): Record<string, number> {
  if (optimizer.name === 'adadelta') return {};
  const rate = optimizer.learningRate;
  const own = 'interceptLearningRate' in optimizer ? optimizer.interceptLearningRate : undefined;
  return { rate, interceptRate: intercept ? (own ?? rate) : rate };
}

function decaysOf(optimizer: PenalizedConfig): Record<string, number> {
  switch (optimizer.name) {
    case 'sgd':
      return {};
    case 'momentum':
      return { rho: optimizer.rho };
    case 'adagrad':
      return { epsilon: optimizer.epsilon };
    case 'adadelta':
    case 'rmsprop':
      return { rho: optimizer.rho, epsilon: optimizer.epsilon };
    case 'adabound': {
      const { beta1, beta2, epsilon, finalLearningRate: finalRate, gamma } = optimizer;
      return { beta1, beta2, epsilon, finalRate, gamma };
    }
    case 'adam': {
      const { beta1, beta2, epsilon, variant } = optimizer;
      return { beta1, beta2, epsilon, variant: variants[variant] };
    }
  }
}
