/** A model's configuration to the parts that compute with it. */
import type { AggregateConfig, ExactIdsConfig } from '../../config/features-schema.ts';
import type { LossConfig, ModelConfig } from '../../config/schema.ts';
import { assert } from '../base/assert.ts';
import { Featurizer, type FeaturizerSettings } from '../features/featurizer.ts';
import type { AggregatePlace } from '../features/group-references.ts';
import { PairFeaturizer } from '../features/pair-featurizer.ts';
import { placesOfAggregates } from '../model/aggregate-rows.ts';
import { Aggregate } from '../model/aggregates.ts';
import { ClassNames } from '../model/class-names.ts';
import { type ModelDefinition, modelDefinition } from '../model/definition.ts';
import { ExactIds } from '../model/exact-ids.ts';
import { isPenalized } from '../model/optimizers/nag.ts';
import { layoutOfClass, outputLength, type RowLayout, rowLayoutOf } from '../model/row-layout.ts';
import { AggregatingModel } from './aggregating-model.ts';
import { ClassModel } from './class-model.ts';
import { classReading } from './class-reading.ts';
import { CoinModel, coinKernels, coinReading } from './coin-model.ts';
import { ExactIdModel } from './exact-id-model.ts';
import { FmModel, fmKernels } from './fm-model.ts';
import { fmReading } from './fm-reading.ts';
import { ImplicitModel } from './implicit-model.ts';
import { linearKernels } from './linear-kernels.ts';
import { LinearModel } from './linear-model.ts';
import { NagModel, nagKernels } from './nag-model.ts';
import { NagPenalty } from './nag-penalty.ts';
import { networkKernels } from './network-kernels.ts';
import { NetworkModel } from './network-model.ts';
import { classOutput, type NetworkOutput, scoreOutput } from './network-output.ts';
import { OneAgainstAll } from './one-against-all.ts';
import type { OnlineModel } from './online-model.ts';
import { linearReading, type ScoreReading } from './score-reading.ts';
import { StandardizedLabelModel } from './standardized-label-model.ts';

export interface BuiltModel {
  readonly definition: ModelDefinition;
  readonly featurizer: Featurizer;
  readonly model: OnlineModel;
  /** Absent where no more can be said of a score. */
  readonly reading: ScoreReading | undefined;
}

export function buildModel(config: ModelConfig): BuiltModel {
  const definition = modelDefinition(config);
  const layout = rowLayoutOf(config);
  const { featuresMax, depthMax } = config.limits;
  const { stateRows } = layout;
  const { exactIds, aggregates = [] } = definition.features;
  const aggregatePlaces = placesOfAggregates(aggregates, layout);
  const { model, reading } = familyOf(definition, layout);
  const scaled = withScaledLabel({ model, reading }, definition.features.intercept);
  const exact = withExactIds(scaled.model, scaled.reading, exactIds);
  const places = { exactPlaces: layout.exactIds, aggregatePlaces };
  const settings = { ...definition.features, stateRows, ...places, featuresMax, depthMax };
  return {
    definition,
    featurizer: featurizerOf(definition, settings),
    ...withAggregates(exact, aggregates, aggregatePlaces),
  };
}

/** Candidates that an event of implicit feedback looks at, for each sample that it wants. */
const triesPerSample = 4;

function featurizerOf({ family }: ModelDefinition, settings: FeaturizerSettings): Featurizer {
  if (family.name !== 'mf') return new Featurizer(settings);
  const { user, item, feedback, items, negatives, seed } = family;
  const sampling =
    feedback === 'implicit' ? { items, candidates: triesPerSample * negatives, seed } : undefined;
  return new PairFeaturizer({ ...settings, user, item, sampling });
}

function familyOf(definition: ModelDefinition, layout: RowLayout): Pick<BuiltModel, 'model' | 'reading'> {
  const { classes, classesMax, family, optimizer, loss, kernel: mode, features } = definition;
  const { intercept } = features;
  if (family.name === 'fm' || family.name === 'mf') {
    assert(optimizer.name === 'adagrad', 'config/family-checks.ts refuses others');
    const settings = { family, optimizer, loss, mode, intercept };
    const model = new FmModel(layout, fmKernels(settings), settings);
    const reading = fmReading(layout, settings);
    if (family.name === 'fm' || family.feedback === 'explicit') return { model, reading };
    return { model: new ImplicitModel(model, { negatives: family.negatives, intercept }), reading };
  }
  if (family.name === 'network') {
    assert(optimizer.name === 'adagrad', 'config/family-checks.ts refuses others');
    const kernels = networkKernels({ family, optimizer, mode, scores: Math.max(1, classesMax) });
    const model = new NetworkModel(layout, kernels, family, outputOf(definition));
    return { model, reading: undefined };
  }
  if (classesMax > 0) {
    const model = classModel(definition, layout, new ClassNames(classes, classesMax));
    const isTold = optimizer.name !== 'coin' && model.classes !== undefined;
    return { model, reading: isTold ? classReading(layout, optimizer, intercept, model.classes) : undefined };
  }
  return { model: linearModel(definition, layout), reading: readingOf(definition, layout) };
}

function linearModel(definition: ModelDefinition, layout: RowLayout): OnlineModel {
  const { task, optimizer, loss, kernel: mode, features } = definition;
  const { intercept } = features;
  const { predictionMin: min, predictionMax: max } = definition;
  const bounds = min === undefined && max === undefined ? {} : { bounds: { min, max } };
  const kept = { keepsToLabels: task === 'regression' && outputLength(definition) > 0 };
  if (optimizer.name === 'nag') {
    return new NagModel(layout, nagKernels(mode, optimizer), {
      config: optimizer,
      loss,
      intercept,
      ...bounds,
    });
  }
  if (optimizer.name === 'coin') {
    return new CoinModel(layout, coinKernels(optimizer, mode), { loss, intercept, ...bounds, ...kept });
  }
  const kernels = linearKernels(optimizer, { mode, intercept });
  return new LinearModel(layout, kernels, { optimizer, loss, intercept, ...bounds, ...kept });
}

function readingOf({ optimizer, features }: ModelDefinition, layout: RowLayout): ScoreReading {
  if (optimizer.name === 'coin') return coinReading(layout, optimizer, features.intercept);
  if (optimizer.name === 'nag' && isPenalized(optimizer)) {
    return new NagPenalty(layout, optimizer, features.intercept ? 1 : 0).reading();
  }
  return linearReading(layout, optimizer, features.intercept);
}

function outputOf(definition: ModelDefinition): NetworkOutput {
  const { classes, classesMax, loss } = definition;
  const length = outputLength(definition);
  return classesMax > 0
    ? classOutput(loss, new ClassNames(classes, classesMax), length)
    : scoreOutput(loss, length);
}

function classModel(
  { optimizer, loss, kernel: mode, features: { intercept } }: ModelDefinition,
  layout: RowLayout,
  names: ClassNames,
): OnlineModel {
  if (optimizer.name === 'nag') {
    const kernels = nagKernels(mode, optimizer);
    return oneAgainstAll(
      layout,
      names,
      loss,
      (own) => new NagModel(own, kernels, { config: optimizer, loss, intercept }),
    );
  }
  if (optimizer.name === 'coin') {
    const kernels = coinKernels(optimizer, mode);
    return oneAgainstAll(layout, names, loss, (own) => new CoinModel(own, kernels, { loss, intercept }));
  }
  const kernels = linearKernels(optimizer, { mode, intercept });
  return new ClassModel(layout, names, kernels, { optimizer, loss, intercept });
}

function oneAgainstAll(
  layout: RowLayout,
  names: ClassNames,
  loss: LossConfig,
  modelOf: (layout: RowLayout) => OnlineModel,
): OnlineModel {
  const models = Array.from({ length: names.max }, (_, c) => modelOf(layoutOfClass(layout, c)));
  return new OneAgainstAll(layout, names, models, loss);
}

function withScaledLabel(
  inner: Pick<BuiltModel, 'model' | 'reading'>,
  hasIntercept: boolean,
): Pick<BuiltModel, 'model' | 'reading'> {
  const { labelStatisticsAt } = inner.model.layout;
  if (labelStatisticsAt === undefined) return inner;
  const model = new StandardizedLabelModel(inner.model, labelStatisticsAt);
  return { model, reading: inner.reading && model.readingOf(inner.reading, hasIntercept) };
}

function withExactIds(
  model: OnlineModel,
  reading: ScoreReading | undefined,
  config: ExactIdsConfig | undefined,
): Pick<BuiltModel, 'model' | 'reading'> {
  if (config === undefined) return { model, reading };
  const outer = new ExactIdModel(model, new ExactIds(config, model.layout.width));
  return { model: outer, reading: reading && outer.readingOf(reading) };
}

function withAggregates(
  inner: Pick<BuiltModel, 'model' | 'reading'>,
  configs: readonly AggregateConfig[],
  places: readonly AggregatePlace[],
): Pick<BuiltModel, 'model' | 'reading'> {
  if (configs.length === 0) return inner;
  const placed = configs.map((config, at) => ({ aggregate: new Aggregate(config), place: places[at]! }));
  const outer = new AggregatingModel(inner.model, placed);
  return { model: outer, reading: inner.reading && outer.readingOf(inner.reading) };
}
