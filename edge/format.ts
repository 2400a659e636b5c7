/**
 * The file of a model that only predicts (docs/edge-format.md), both ways:
 *
 *   "MILLEDGE" | format, header's length: u32 | header, JSON | keys: u32 | weights | dense, means, variances: f32 | CRC-32: u32
 *
 * Little endian; each section begins at a multiple of 8, with zeros before it. Written in chunks, so that whoever writes a large one can
 * breathe in between; read whole.
 */
import type { ClassLabel } from '../config/class-label.ts';
import type { FeaturesConfig, LossConfig, ModelConfig } from '../config/schema.ts';
import { MillraceError, messageOf } from '../src/base/errors.ts';
import { denseLayers } from '../src/model/network-shape.ts';
import { crc32 } from './crc32.ts';
import { type StoredWeights, type WeightType, weightKinds } from './weights.ts';

export const edgeFormat = 1;

/** A factorisation machine, and what its vectors began with. One of two fields is a matrix factorisation. */
export interface FmHeader {
  readonly name: 'fm' | 'mf';
  /** Of two fields: their names, and, with implicit feedback, how many places there are for items. */
  readonly fields?: { readonly user: string; readonly item: string; readonly items?: number };
  readonly factors: number;
  readonly initStd: number;
  readonly seed: number;
}

/** A network, what its vectors and dense layers began with, and how many scores the last layer has room for. */
export interface NetworkHeader {
  readonly name: 'network';
  readonly hidden: readonly number[];
  readonly scores: number;
  readonly initStd: number;
  readonly seed: number;
}

export interface EdgeHeader {
  readonly model: string;
  /** Version (checkpoint) that the weights are of, when it was made, and the last sequence in it. */
  readonly version: number;
  readonly createdAt: string;
  readonly seq: number;
  /** Of the settings that the parameters were learned under. */
  readonly fingerprint: string;
  readonly family: { readonly name: 'linear' } | FmHeader | NetworkHeader;
  readonly task: ModelConfig['task'];
  readonly loss: LossConfig;
  readonly features: FeaturesConfig;
  readonly limits: { readonly featuresMax: number; readonly depthMax: number };
  /** Of a model of several classes: by their numbers. Others have one score. */
  readonly classes?: readonly ClassLabel[];
  /** Raw scores are held between these; null: not at that end. */
  readonly clip?: readonly [least: number | null, greatest: number | null];
  /** A regression that was learned on a scaled label: its score is mean + deviation times the raw score. */
  readonly label?: { readonly mean: number; readonly deviation: number };
  readonly weights: { readonly type: WeightType; readonly scale: number };
  /** Keys with a weight. */
  readonly rows: number;
}

export interface EdgeParts {
  readonly header: EdgeHeader;
  /** Ascending. */
  readonly keys: Uint32Array;
  /**
   * For each key its columns: a weight for each score; of a factorisation machine the weight, and what was learned of its
   * vector; of a network what was learned of its vector.
   */
  readonly weights: StoredWeights;
  /** What was learned of the weights of a network's dense layers, one layer behind the other. */
  readonly dense: Float32Array;
  /** Running mean and variance of each row, where numbers are standardised. */
  readonly means: Float32Array | undefined;
  readonly variances: Float32Array | undefined;
}

const magic = 'MILLEDGE';
const fixedBytes = 16;
const crcBytes = 4;
const alignment = 8;
/** Handed out, and summed up, at once. */
const chunkBytes = 4 * 2 ** 20;

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

export function* edgeChunks({
  header,
  keys,
  weights,
  dense,
  means,
  variances,
}: EdgeParts): Generator<Uint8Array> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(fixedBytes + aligned(json.length)).fill(0x20);
  head.set(new TextEncoder().encode(magic));
  const view = new DataView(head.buffer);
  view.setUint32(8, edgeFormat, true);
  view.setUint32(12, aligned(json.length), true);
  head.set(json, fixedBytes);
  let crc = 0;
  for (const section of [head, keys, weights, dense, means, variances]) {
    if (section === undefined) continue;
    const bytes = new Uint8Array(section.buffer, section.byteOffset, section.byteLength);
    const padding = new Uint8Array(aligned(bytes.length) - bytes.length);
    for (const part of [bytes, padding]) {
      for (let at = 0; at < part.length; at += chunkBytes) {
        const chunk = part.subarray(at, at + chunkBytes);
        crc = crc32(chunk, crc);
        yield chunk;
      }
    }
  }
  const end = new Uint8Array(crcBytes);
  new DataView(end.buffer).setUint32(0, crc, true);
  yield end;
}

/** How many scores a prediction is made of. */
export const scoresOf = ({ classes }: Pick<EdgeHeader, 'classes'>): number => classes?.length ?? 1;

/** How many numbers a key has. */
export function columnsOf({ family, ...header }: Pick<EdgeHeader, 'family' | 'classes'>): number {
  if (family.name === 'fm' || family.name === 'mf') return 1 + family.factors;
  return family.name === 'network' ? family.hidden[0]! : scoresOf(header);
}

/** How many weights a network's dense layers have. */
const denseOf = ({ family }: EdgeHeader): number =>
  family.name === 'network'
    ? denseLayers(family.hidden, family.scores).reduce((sum, { weights }) => sum + weights, 0)
    : 0;

/** Throws MillraceError (badInput) that says what is wrong with the file. */
export function readEdge(file: Uint8Array): EdgeParts {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < fixedBytes + crcBytes || new TextDecoder().decode(file.subarray(0, 8)) !== magic)
    throw refused(`it does not begin with ${magic}`);
  const end = file.length - crcBytes;
  if (crc32(file.subarray(0, end)) !== view.getUint32(end, true))
    throw refused('it is damaged, or cut short');
  const format = view.getUint32(8, true);
  if (format !== edgeFormat) throw refused(`its format is ${format}, and ${edgeFormat} is read here`);
  const headerEnd = fixedBytes + view.getUint32(12, true);
  const header = checkedHeader(file.subarray(fixedBytes, headerEnd));
  const sections = new Sections(file, headerEnd, end);
  const { rows, features, weights: form } = header;
  const keys = new Uint32Array(sections.take(rows * 4));
  if (!keys.every((key, at) => at === 0 || key > keys[at - 1]!)) throw refused('its keys do not ascend');
  const weights = sections.weights(form.type, rows * columnsOf(header));
  const dense = new Float32Array(sections.take(denseOf(header) * 4));
  const means = features.standardize ? new Float32Array(sections.take(rows * 4)) : undefined;
  const variances = features.standardize ? new Float32Array(sections.take(rows * 4)) : undefined;
  sections.finish();
  return { header, keys, weights, dense, means, variances };
}

/** Copies, because a view must begin at a multiple of its numbers' size, and the file may lie anywhere. */
class Sections {
  readonly #file: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(file: Uint8Array, at: number, end: number) {
    this.#file = file;
    this.#at = at;
    this.#end = end;
  }

  take(bytes: number): ArrayBuffer {
    if (this.#at + aligned(bytes) > this.#end) throw refused('it ends before its last row');
    const section = new Uint8Array(bytes);
    section.set(this.#file.subarray(this.#at, this.#at + bytes));
    this.#at += aligned(bytes);
    return section.buffer;
  }

  weights(type: WeightType, count: number): StoredWeights {
    const bytes = this.take(count * weightKinds[type].bytes);
    const stored = weightKinds[type].make(count);
    new Uint8Array(stored.buffer).set(new Uint8Array(bytes));
    return stored;
  }

  finish(): void {
    if (this.#at !== this.#end) throw refused('it goes on behind its last row');
  }
}

/** Settings of features that are understood here: what is not known would be left out of every score in silence. */
export const knownFeatures: ReadonlySet<string> = new Set<keyof FeaturesConfig>([
  'bits',
  'intercept',
  'interactions',
  'standardize',
  'permutations',
  'ngrams',
  'affixes',
  'ignoreLinear',
  'standardizeLabel',
]);

function checkedHeader(bytes: Uint8Array): EdgeHeader {
  const header = parsed(bytes);
  const { family, features, limits, weights } = header;
  requireFamily(family);
  for (const name of Object.keys(features ?? {}))
    if (!knownFeatures.has(name)) throw refused(`features.${name} is not known here`);
  if (!Object.hasOwn(weightKinds, weights?.type))
    throw refused(`weights of type "${weights?.type}" are not read here`);
  if (header.task === 'multiclass' && !Array.isArray(header.classes)) throw refused('it names no classes');
  if (features.standardizeLabel === true && header.label === undefined)
    throw refused('it says no scale of labels');
  requireWhole('rows', header.rows, 2 ** 27);
  requireWhole('features.bits', features?.bits, 31);
  requireWhole('limits.featuresMax', limits?.featuresMax, 2 ** 16);
  requireWhole('limits.depthMax', limits?.depthMax, 64);
  return header;
}

function requireFamily(family: EdgeHeader['family'] | undefined): void {
  switch (family?.name) {
    case 'linear':
      return;
    case 'fm':
    case 'mf':
      if ((family.name === 'mf') !== (family.fields !== undefined)) throw refused('it names no two fields');
      requireWhole('family.factors', family.factors, 64);
      return;
    case 'network':
      if (!Array.isArray(family.hidden) || family.hidden.length === 0)
        throw refused('it has no hidden layer');
      for (const units of family.hidden) requireWhole('family.hidden', units, 512);
      requireWhole('family.scores', family.scores, 2 ** 12);
      return;
    default: {
      const { name } = (family ?? {}) as { readonly name?: unknown };
      throw refused(`models of family "${name}" are not read here`);
    }
  }
}

function requireWhole(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw refused(`${name} is ${value}; expected a whole number up to ${most}`);
}

function parsed(bytes: Uint8Array): EdgeHeader {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as EdgeHeader;
  } catch (error) {
    throw refused(`its header is no JSON (${messageOf(error)})`);
  }
}

const refused = (why: string): MillraceError =>
  new MillraceError('badInput', `not a model to predict with: ${why}`);
