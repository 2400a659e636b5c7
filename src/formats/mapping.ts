/**
 * A record of a file to an event. Without a label column the record is an event as on the wire:
 * `{id?, features, label, weight?, time?}`. With one the record is flat: the named columns become label, id,
 * weight and time, the dropped ones vanish, and all others are features.
 */
import { MillraceError } from '../base/errors.ts';
import type { FeatureValue, Label, LearnEvent } from '../protocol/messages.ts';
import { numberOf } from './cell.ts';
import type { FileRecord } from './row.ts';

export interface Mapping {
  readonly label?: string;
  /** The label's text that means 1; every other one means 0. */
  readonly positive?: string;
  /** Whether labels are classes, whose text is as good as a number. */
  readonly classes?: boolean;
  /** Whether -1 means 0, beside 0, and 1 means 1, unless `positive` says what does. */
  readonly signed?: boolean;
  readonly id?: string;
  readonly time?: string;
  /** Says when the label was known; no feature. */
  readonly labelTime?: string;
  readonly weight?: string;
  readonly drop?: readonly string[];
}

/** A number below this is seconds since the epoch, else milliseconds: as milliseconds it would be before 1973. */
const secondsBelow = 1e11;

/** Throws MillraceError('badInput') that names what is missing or wrong. */
export function eventOf(record: FileRecord, mapping: Mapping): LearnEvent {
  return mapping.label === undefined ? wireEvent(record, mapping) : flatEvent(record, mapping.label, mapping);
}

function wireEvent(record: FileRecord, mapping: Mapping): LearnEvent {
  if (typeof record.features !== 'object' || record.features === null) {
    throw bad(
      'expected {"features": {...}, "label": ...}; for flat records name the label with --label COLUMN',
    );
  }
  const { positive, classes = false, signed = false } = mapping;
  if (record.label === undefined || record.label === null) throw bad('"label" is missing');
  if (!isLabel(record.label, classes)) throw bad('"label" is neither a number nor a boolean');
  const event = record as unknown as LearnEvent;
  if (positive !== undefined) return { ...event, label: labelOf(event.label, 'label', mapping) };
  return signed ? { ...event, label: signedLabel(event.label) } : event;
}

function signedLabel(label: Label): Label {
  if (label === 1 || label === 0 || label === -1) return label === 1 ? 1 : 0;
  throw bad(
    `label: expected 1, and -1 or 0, got ${JSON.stringify(label)}; name the value that means 1 with --positive VALUE`,
  );
}

function flatEvent(record: FileRecord, labelColumn: string, mapping: Mapping): LearnEvent {
  const apart = new Set([
    labelColumn,
    mapping.id,
    mapping.time,
    mapping.labelTime,
    mapping.weight,
    ...(mapping.drop ?? []),
  ]);
  const features: Record<string, FeatureValue> = {};
  for (const [name, value] of Object.entries(record)) {
    if (apart.has(name)) continue;
    if (name === '__proto__') throw bad('a column is named __proto__; rename it or --drop it');
    features[name] = value as FeatureValue;
  }
  return {
    ...(mapping.id === undefined ? {} : { id: String(present(record, mapping.id)) }),
    features,
    label: labelOf(present(record, labelColumn), labelColumn, mapping),
    ...(mapping.weight === undefined
      ? {}
      : { weight: weightOf(present(record, mapping.weight), mapping.weight) }),
    ...(mapping.time === undefined ? {} : { time: timeOf(present(record, mapping.time), mapping.time) }),
  };
}

function present(record: FileRecord, column: string): unknown {
  const value = Object.hasOwn(record, column) ? record[column] : undefined;
  if (value !== undefined && value !== null) return value;
  if (Object.hasOwn(record, column)) throw bad(`column "${column}" is empty`);
  throw bad(`there is no column "${column}"; there are ${Object.keys(record).join(', ')}`);
}

function labelOf(
  value: unknown,
  column: string,
  { positive, classes = false }: { readonly positive?: string | undefined; readonly classes?: boolean },
): Label {
  if (positive !== undefined) return isValue(value, positive) ? 1 : 0;
  if (isLabel(value, classes)) return value;
  throw bad(
    `label "${column}" is ${JSON.stringify(value)}, not a number; name the value that means 1 with --positive VALUE, or say --classes where labels name classes`,
  );
}

const isLabel = (value: unknown, classes: boolean): value is Label =>
  typeof value === 'number' || typeof value === 'boolean' || (classes && typeof value === 'string');

/** "1", "1.0" and 1 are the same value. */
function isValue(value: unknown, text: string): boolean {
  return String(value) === text || (typeof value === 'number' && numberOf(text) === value);
}

function weightOf(value: unknown, column: string): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw bad(`weight "${column}" is ${JSON.stringify(value)}; expected a number of at least 0`);
}

/** When the record's label was known; undefined where the column says nothing: never. */
export function labelTimeOf(record: FileRecord, column: string): number | undefined {
  const value = Object.hasOwn(record, column) ? record[column] : undefined;
  return value === undefined || value === null ? undefined : timeOf(value, column);
}

/** Milliseconds since the epoch of a number (seconds or milliseconds) or of a date and time as text. */
export function timeOf(value: unknown, column: string): number {
  if (typeof value === 'number') return value < secondsBelow ? value * 1000 : value;
  const parsed = typeof value === 'string' ? parsedDate(value) : Number.NaN;
  if (Number.isFinite(parsed)) return parsed;
  throw bad(
    `time "${column}" is ${JSON.stringify(value)}; expected seconds or milliseconds since 1970, or such as 2001-01-31T23:59:00Z`,
  );
}

const dateText =
  /^(\d{4})[-/](\d{2})(?:[-/](\d{2}))?(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?(Z|[+-]\d{2}:\d{2})?$/;

/** Without a zone it is UTC, so that a file means the same on every machine. NaN when it is no date. */
function parsedDate(text: string): number {
  const [, year, month, day = '01', clock = '00:00', zone = 'Z'] = dateText.exec(text) ?? [];
  return year === undefined ? Number.NaN : Date.parse(`${year}-${month}-${day}T${clock}${zone}`);
}

const bad = (message: string): MillraceError => new MillraceError('badInput', message);
