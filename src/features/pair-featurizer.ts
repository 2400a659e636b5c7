/**
 * The two fields that matrix factorisation reads of an event: who, and what. Each is a string, a number or a boolean and
 * stands for itself by its text. Keys of users are even and those of items odd, so that the two of an event never meet.
 *
 *   intercept | user | item | candidates
 *
 * With implicit feedback, items lie in the first `items` odd keys, and an event comes with candidates: places among them
 * that follow from the seed, the user and the item, with value 0. The model samples those where an item has been learned
 * (src/kernels/implicit-model.ts): so sampling needs no memory of items, and a replay does the same.
 */
import { MillraceError } from '../base/errors.ts';
import { finalize, hashByte, hashStart, hashText, separators } from '../base/hash.ts';
import { SparseVector } from '../base/sparse-vector.ts';
import { Featurizer, type FeaturizerSettings, type NamedFeature } from './featurizer.ts';

export interface PairSettings extends FeaturizerSettings {
  readonly user: string;
  readonly item: string;
  /** Of implicit feedback: places of items, and how many of them an event looks at. */
  readonly sampling:
    | { readonly items: number; readonly candidates: number; readonly seed: number }
    | undefined;
}

export class PairFeaturizer extends Featurizer {
  readonly #settings: PairSettings;
  /** Places of users, and of items. */
  readonly #places: { readonly user: number; readonly item: number };

  constructor(settings: PairSettings) {
    super(settings);
    this.#settings = settings;
    const half = 2 ** (settings.bits - 1);
    this.#places = { user: half, item: settings.sampling?.items ?? half };
  }

  override vector(): SparseVector {
    return new SparseVector(3 + (this.#settings.sampling?.candidates ?? 0));
  }

  override get readsPacked(): boolean {
    return false;
  }

  override get readsParts(): boolean {
    return false;
  }

  override featurize(features: unknown, into: SparseVector): void {
    const { intercept, user, item, sampling } = this.#settings;
    const hashes = { user: hashOf(features, user), item: hashOf(features, item) };
    into.clear();
    if (intercept) into.add(this.interceptKey, 1, 0);
    into.add(this.#key(hashes.user, 'user'), 1, 0);
    into.add(this.#key(hashes.item, 'item'), 1, 0);
    if (sampling === undefined) return;
    for (let n = 0; n < sampling.candidates; n++) {
      into.add(
        this.#key(finalize(hashes.user ^ Math.imul(hashes.item, sampling.seed + n + 1)), 'item'),
        0,
        0,
      );
    }
  }

  override featurizeNamed(features: unknown, into: SparseVector): readonly NamedFeature[] {
    this.featurize(features, into);
    const record = features as Record<string, unknown>;
    return (['user', 'item'] as const).map((side) => {
      const field = this.#settings[side];
      return { name: `${field}=${String(record[field])}`, key: this.#key(hashOf(features, field), side) };
    });
  }

  #key(hash: number, side: 'user' | 'item'): number {
    return 2 * ((hash >>> 0) % this.#places[side]) + (side === 'user' ? 0 : 1);
  }
}

/** Throws MillraceError that names the field. */
function hashOf(features: unknown, field: string): number {
  if (typeof features !== 'object' || features === null || Array.isArray(features)) {
    throw new MillraceError('badInput', 'features: expected an object');
  }
  const value = Object.hasOwn(features, field) ? (features as Record<string, unknown>)[field] : undefined;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    const got = value === undefined || value === null ? 'nothing' : typeof value;
    throw new MillraceError(
      'badInput',
      `features.${field}: expected a string, a number or a boolean, got ${got}`,
    );
  }
  return finalize(hashText(hashByte(hashText(hashStart, field), separators.value), String(value)));
}
