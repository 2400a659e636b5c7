/**
 * From a stream entry to the events in it, checked one by one: one bad event in an array is refused alone, with
 * its index; bytes that cannot be decoded are refused whole.
 */
import { type ClassLabel, classLabelBytesMax, classText, isClassLabel } from '../../config/class-label.ts';
import { MillraceError } from '../base/errors.ts';
import type { ModelDefinition } from '../model/definition.ts';
import { contentTypeHeader, decode } from '../protocol/codec.ts';

export interface LearnableEvent {
  readonly features: unknown;
  readonly label: ClassLabel;
  readonly weight: number;
  /** The event's own, ms since the epoch. */
  readonly time: number | undefined;
}

/** The items of a message: an array's, or the one thing that it is. */
export function eventsOf(
  entry: { readonly data: Uint8Array; header(name: string): string | undefined },
  eventsMax: number,
): readonly unknown[] {
  const body = decode(entry.data, entry.header(contentTypeHeader));
  if (!Array.isArray(body)) return [body];
  if (body.length > eventsMax) {
    throw new MillraceError(
      'tooLarge',
      `${body.length} events in one message; at most ${eventsMax} (limits.eventsPerMessageMax)`,
    );
  }
  return body;
}

/** The weight is times that of its class, where it has one. Throws MillraceError('badInput') that names the field. */
export function learnableEvent(
  item: unknown,
  task: ModelDefinition['task'],
  classWeights?: ModelDefinition['classWeights'],
): LearnableEvent {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new MillraceError('badInput', 'an event is an object with features and label');
  }
  const { features, label, weight, time } = item as Record<string, unknown>;
  if (features === undefined) throw new MillraceError('badInput', 'features: missing');
  if (time !== undefined && time !== null && !Number.isFinite(time)) {
    throw new MillraceError('badInput', `time: expected milliseconds since the epoch, got ${shown(time)}`);
  }
  const learned = labelOf(label, task);
  return {
    features,
    label: learned,
    weight:
      classWeights === undefined ? weightOf(weight) : weightedBy(classWeights, learned, weightOf(weight)),
    time: typeof time === 'number' ? time : undefined,
  };
}

function weightedBy(
  classWeights: NonNullable<ModelDefinition['classWeights']>,
  label: ClassLabel,
  weight: number,
): number {
  const name = classText(label);
  return weightOf(Object.hasOwn(classWeights, name) ? weight * classWeights[name]! : weight);
}

function labelOf(label: unknown, task: ModelDefinition['task']): ClassLabel {
  if (label === undefined || label === null) throw new MillraceError('badInput', 'label: missing');
  if (task === 'binary') {
    if (label === true || label === 1) return 1;
    if (label === false || label === 0) return 0;
    throw new MillraceError(
      'badInput',
      `label: expected 0, 1, false or true for a binary model, got ${shown(label)}`,
    );
  }
  if (task === 'multiclass') {
    if (isClassLabel(label)) return label;
    throw new MillraceError(
      'badInput',
      `label: expected a string of at most ${classLabelBytesMax} bytes as JSON, an integer or a boolean for several classes, got ${shown(label)}`,
    );
  }
  if (typeof label === 'number' && Number.isFinite(Math.fround(label))) return label;
  throw new MillraceError(
    'badInput',
    `label: expected a finite number within float32 for a regression, got ${shown(label)}`,
  );
}

function weightOf(weight: unknown): number {
  if (weight === undefined || weight === null) return 1;
  if (typeof weight === 'number' && weight >= 0 && Number.isFinite(Math.fround(weight))) return weight;
  throw new MillraceError(
    'badInput',
    `weight: expected a number of at least 0 within float32, got ${shown(weight)}`,
  );
}

const shown = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value.slice(0, 64))
    : typeof value === 'object'
      ? 'an object'
      : String(value);
