/**
 * The numbers that vectors begin with: uniform, of a standard deviation, and of nothing but seed, key and place. A row
 * holds what was learned *on top*, so that a row of zeros is one that was never touched, and needs no storing.
 */
import { finalize } from '../base/hash.ts';

export class InitialValues {
  readonly #scale: number;
  readonly #places: Int32Array;

  /** `length`: numbers of a key. */
  constructor({ initStd, seed }: { readonly initStd: number; readonly seed: number }, length: number) {
    // Uniform between -a and a has the standard deviation a / sqrt(3).
    this.#scale = (initStd * Math.sqrt(3)) / 2 ** 31;
    this.#places = Int32Array.from({ length }, (_, at) => finalize(seed ^ Math.imul(at + 1, 0x85ebca6b)));
  }

  of(key: number, place: number): number {
    return Math.fround((finalize(Math.imul(key + 1, 0x9e3779b1) ^ this.#places[place]!) | 0) * this.#scale);
  }
}
