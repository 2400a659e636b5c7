/** A predict request, checked: one instance or several, and the freshness that is asked for. */
import { MillraceError } from '../base/errors.ts';
import type { Freshness, PredictOptions } from '../protocol/messages.ts';

export interface CheckedInstance {
  readonly id: string | undefined;
  readonly features: unknown;
  /** Its own, ms since the epoch. */
  readonly time: number | undefined;
}

export type PredictRequest = { readonly options: PredictOptions } & (
  | { readonly kind: 'single'; readonly instance: CheckedInstance }
  | { readonly kind: 'batch'; readonly instances: readonly unknown[] }
);

/** Throws MillraceError (badInput, tooLarge) that names the field. */
export function predictRequest(body: unknown, instancesMax: number): PredictRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new MillraceError('badInput', 'a predict request is an object with features, or with instances');
  }
  const { instances, explain, uncertainty, ...fields } = body as Record<string, unknown>;
  const options = {
    ...freshnessOf(fields),
    ...(isWanted('explain', explain) && { explain: true }),
    ...(isWanted('uncertainty', uncertainty) && { uncertainty: true }),
  };
  if (instances === undefined) return { kind: 'single', options, instance: checkedInstance(body) };
  if (!Array.isArray(instances)) throw new MillraceError('badInput', 'instances: expected an array');
  if (instances.length > instancesMax) {
    throw new MillraceError(
      'tooLarge',
      `instances: ${instances.length}; at most ${instancesMax} (limits.instancesMax)`,
    );
  }
  return { kind: 'batch', options, instances };
}

export function checkedInstance(item: unknown): CheckedInstance {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new MillraceError('badInput', 'an instance is an object with features');
  }
  const { id, features, time } = item as Record<string, unknown>;
  if (features === undefined) throw new MillraceError('badInput', 'features: missing');
  return { id: idOf('id', id), features, time: timeOf(time) };
}

export function timeOf(time: unknown): number | undefined {
  if (time === undefined || time === null) return undefined;
  if (typeof time === 'number' && Number.isFinite(time)) return time;
  throw new MillraceError('badInput', `time: expected milliseconds since the epoch, got ${shown(time)}`);
}

export function idOf(path: string, id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined;
  if (typeof id === 'string' && id.length > 0 && id.length <= 256) return id;
  throw new MillraceError('badInput', `${path}: expected a text of 1 to 256 characters`);
}

/** What a request says of the state that it wants an answer from. */
export function freshnessOf({ minSeq, maxAgeMs }: Record<string, unknown>): Freshness {
  if (minSeq !== undefined && minSeq !== null && !(Number.isSafeInteger(minSeq) && (minSeq as number) >= 0)) {
    throw new MillraceError('badInput', `minSeq: expected a stream sequence, got ${shown(minSeq)}`);
  }
  if (
    maxAgeMs !== undefined &&
    maxAgeMs !== null &&
    !(Number.isFinite(maxAgeMs) && (maxAgeMs as number) >= 0)
  ) {
    throw new MillraceError(
      'badInput',
      `maxAgeMs: expected milliseconds of at least 0, got ${shown(maxAgeMs)}`,
    );
  }
  return {
    ...(typeof minSeq === 'number' ? { minSeq } : {}),
    ...(typeof maxAgeMs === 'number' ? { maxAgeMs } : {}),
  };
}

function isWanted(name: string, value: unknown): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return value === true;
  throw new MillraceError('badInput', `${name}: expected true or false, got ${shown(value)}`);
}

/** What was sent may be anything, also something that has no text. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 64));
  if (Array.isArray(value)) return 'an array';
  if (value === undefined) return 'nothing';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
