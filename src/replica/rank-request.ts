/** A rank request, checked: one context, candidates beside it, and what is wanted of the order. */
import type { z } from 'zod';
import { type ExploreConfig, exploreSchema } from '../../config/explore-schema.ts';
import { problemsOf } from '../../config/issues.ts';
import { pathText } from '../../config/problem.ts';
import { MillraceError } from '../base/errors.ts';
import type { Freshness } from '../protocol/messages.ts';
import { freshnessOf, idOf, shown, timeOf } from './predict-request.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface Candidate {
  readonly id: string;
  readonly features: Fields;
}

export interface RankRequest {
  readonly id: string | undefined;
  readonly freshness: Freshness;
  readonly context: Fields;
  readonly time: number | undefined;
  readonly candidates: readonly Candidate[];
  readonly top: number | undefined;
  /** Undefined: as configured. */
  readonly explore: ExploreConfig | undefined;
}

/** Throws MillraceError (badInput, tooLarge) that names the field. */
export function rankRequest(body: unknown, candidatesMax: number): RankRequest {
  if (!isObject(body)) {
    throw new MillraceError('badInput', 'a rank request is an object with context and candidates');
  }
  const { id, context, time, candidates, top, explore, ...fields } = body;
  if (context !== undefined && context !== null && !isObject(context))
    throw new MillraceError('badInput', `context: expected an object of features, got ${shown(context)}`);
  return {
    id: idOf('id', id),
    freshness: freshnessOf(fields),
    context: (context as Fields | null | undefined) ?? {},
    time: timeOf(time),
    candidates: candidatesOf(candidates, (context as Fields | null | undefined) ?? {}, candidatesMax),
    top: topOf(top),
    explore: exploreOf(explore),
  };
}

function candidatesOf(items: unknown, context: Fields, candidatesMax: number): Candidate[] {
  if (!Array.isArray(items)) throw new MillraceError('badInput', 'candidates: expected an array');
  if (items.length === 0) throw new MillraceError('badInput', 'candidates: expected at least one');
  if (items.length > candidatesMax) {
    throw new MillraceError(
      'tooLarge',
      `candidates: ${items.length}; at most ${candidatesMax} (limits.candidatesMax)`,
    );
  }
  const places = new Map<string, number>();
  return items.map((item: unknown, at) => {
    const candidate = candidateOf(item, context, `candidates[${at}]`);
    const before = places.get(candidate.id);
    if (before !== undefined) {
      throw new MillraceError('badInput', `candidates[${at}].id: the same as that of candidates[${before}]`);
    }
    places.set(candidate.id, at);
    return candidate;
  });
}

/** A name that context and candidate both have is no feature of one event: which of the two would count? */
function candidateOf(item: unknown, context: Fields, path: string): Candidate {
  if (!isObject(item))
    throw new MillraceError(
      'badInput',
      `${path}: expected an object with id and features, got ${shown(item)}`,
    );
  const id = idOf(`${path}.id`, item.id);
  if (id === undefined) throw new MillraceError('badInput', `${path}.id: missing`);
  const { features } = item;
  if (!isObject(features))
    throw new MillraceError('badInput', `${path}.features: expected an object, got ${shown(features)}`);
  for (const name of Object.keys(features)) {
    if (!Object.hasOwn(context, name)) continue;
    const mend = 'the context has it too; give it another name in one of them';
    throw new MillraceError('badInput', `${path}.features.${name.slice(0, 128)}: ${mend}`);
  }
  return { id, features };
}

function topOf(top: unknown): number | undefined {
  if (top === undefined || top === null) return undefined;
  if (Number.isSafeInteger(top) && (top as number) >= 1) return top as number;
  throw new MillraceError('badInput', `top: expected a whole number from 1, got ${shown(top)}`);
}

function exploreOf(explore: unknown): ExploreConfig | undefined {
  if (explore === undefined || explore === null) return undefined;
  const result = exploreSchema.safeParse(explore);
  if (result.success) return result.data;
  throw new MillraceError('badInput', exploreProblem(result.error.issues, explore));
}

/** In the words of the configuration, where the same setting is a model's default. */
function exploreProblem([issue]: readonly z.core.$ZodIssue[], explore: unknown): string {
  const place = ['models', 'model', 'rank'];
  const first = issue!.code === 'unrecognized_keys' ? { ...issue!, keys: issue!.keys.slice(0, 1) } : issue!;
  const placed = { ...first, path: [...place, 'explore', ...first.path] };
  const [problem] = problemsOf([placed], { models: { model: { rank: { explore } } } });
  return `${pathText(problem!.path.slice(place.length))}: ${problem!.sentence}`;
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
