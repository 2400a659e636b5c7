/**
 * The classes of a model, each with its number. They are listed in the configuration, or come with the labels, in
 * order of appearance; then their names stand with the parameters, in the shared rows, so that they are committed,
 * stored, replayed and rolled back as all rows are. For each class `entryLength` float32 numbers:
 *
 *   bytes of the name's JSON text, plus 1 | three bytes in each of 22 numbers | a checksum of both
 *
 * A predictor may hold some of an entry's rows and not yet the others: the checksum tells, and the class and those
 * behind it are not known there until the entry is whole.
 */
import { type ClassLabel, classLabelBytesMax, classText } from '../../config/class-label.ts';
import { MillraceError } from '../base/errors.ts';
import { fnv1a } from '../base/hash.ts';

const textLength = Math.ceil(classLabelBytesMax / 3);
const entryLength = 1 + textLength + 1;

/** Numbers in the shared rows for so many names. */
export const namesLength = (classesMax: number): number => classesMax * entryLength;

export class ClassNames {
  /** By number. */
  readonly labels: ClassLabel[];
  readonly max: number;
  readonly #numbers = new Map<string, number>();
  readonly #listed: boolean;
  /** The entries as they were read. */
  #read: Float32Array;

  constructor(listed: readonly ClassLabel[] | undefined, max: number) {
    this.labels = [...(listed ?? [])];
    this.max = max;
    this.#listed = listed !== undefined;
    this.#read = new Float32Array(this.#listed ? 0 : namesLength(max));
    for (const [number, label] of this.labels.entries()) this.#numbers.set(classText(label), number);
  }

  /** Brings the names up to those in the table; `at`: where its shared rows begin. */
  refresh(table: Float32Array, at: number): void {
    if (this.#listed) return;
    const known = namesLength(this.labels.length);
    // The next entry's first number tells whether another class has come.
    const looked = Math.min(known + 1, this.#read.length);
    for (let i = 0; i < looked; i++) {
      if (table[at + i] === this.#read[i]) continue;
      this.#readAll(table, at);
      return;
    }
  }

  /** The class's number; when it is new, the next one. Throws MillraceError('badInput') when there may be none. */
  numberOf(label: ClassLabel): number {
    const text = classText(label);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#listed) {
      throw new MillraceError('badInput', `label: expected one of the model's classes, got ${shown(text)}`);
    }
    if (this.labels.length === this.max) {
      throw new MillraceError(
        'badInput',
        `label: ${shown(text)} would be class ${this.max + 1}; at most ${this.max} (classesMax)`,
      );
    }
    return this.labels.length;
  }

  /** Puts a class with the number that `numberOf` gave into the table, unless it is there. */
  write(table: Float32Array, at: number, number: number, label: ClassLabel): void {
    if (number < this.labels.length) return;
    const bytes = Buffer.from(JSON.stringify(label));
    const from = at + number * entryLength;
    table[from] = bytes.length + 1;
    for (let i = 0; i < textLength; i++) {
      const [high = 0, middle = 0, low = 0] = bytes.subarray(3 * i, 3 * i + 3);
      table[from + 1 + i] = high * 65_536 + middle * 256 + low;
    }
    table[from + 1 + textLength] = checksumOf(bytes);
    this.#readAll(table, at);
  }

  #readAll(table: Float32Array, at: number): void {
    this.labels.length = 0;
    this.#numbers.clear();
    for (let number = 0; number < this.max; number++) {
      const label = labelAt(table, at + number * entryLength);
      if (label === undefined) break;
      this.labels.push(label);
      this.#numbers.set(classText(label), number);
    }
    const known = namesLength(this.labels.length);
    this.#read.fill(0);
    this.#read.set(table.subarray(at, at + known));
  }
}

/** Undefined where no whole entry stands. */
function labelAt(table: Float32Array, from: number): ClassLabel | undefined {
  const length = table[from]! - 1;
  if (!(length >= 1 && length <= classLabelBytesMax)) return undefined;
  const bytes = Buffer.alloc(3 * textLength);
  for (let i = 0; i < textLength; i++) bytes.writeUIntBE(table[from + 1 + i]!, 3 * i, 3);
  const text = bytes.subarray(0, length);
  return checksumOf(text) === table[from + 1 + textLength]
    ? (JSON.parse(text.toString()) as ClassLabel)
    : undefined;
}

/** 24 bits, which float32 holds exactly; above 0. */
const checksumOf = (bytes: Uint8Array): number => (fnv1a(Buffer.from(bytes).toString('latin1')) >>> 8) | 1;

const shown = (text: string): string => JSON.stringify(text);
