/**
 * Weights as JSON: `{"intercept": 0.1, "weights": {"country=DE": 0.3, "user.age": 0.01, "vector[3]": 1, "a=x*b=y": 2}}`.
 * Names are those that `millrace explain` says. For a model that clips its predictions to labels it has seen,
 * `"labels": [least, greatest]` says which; without it nothing is clipped.
 */
import { MillraceError, messageOf } from '../base/errors.ts';
import type { FeatureWeight, NamedWeights } from './named-weights.ts';

const bytesMax = 1 << 29;

/** Throws MillraceError('badInput') that names the member at fault. */
export async function readJsonWeights(chunks: AsyncIterable<Uint8Array>): Promise<NamedWeights> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw bad(`more than ${bytesMax} bytes`);
    parts.push(chunk);
  }
  const { intercept, weights, labels, ...more } = objectOf('the file', parsed(parts));
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) throw bad(`${unknown}: expected intercept, weights and labels only`);
  const named = Object.entries(objectOf('weights', weights)).map(
    ([name, weight]): [string, FeatureWeight] => [
      name,
      { weight: numberOf(`weights[${JSON.stringify(name)}]`, weight) },
    ],
  );
  return {
    intercept: intercept === undefined ? undefined : { weight: numberOf('intercept', intercept) },
    weights: new Map(named),
    naming: 'json',
    ...(labels !== undefined && { labels: labelsOf(labels) }),
  };
}

function parsed(parts: readonly Uint8Array[]): unknown {
  try {
    return JSON.parse(
      Buffer.concat(parts)
        .toString('utf8')
        .replace(/^\ufeff/, ''),
    );
  } catch (error) {
    throw bad(`not valid JSON (${messageOf(error)})`);
  }
}

function objectOf(path: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw bad(`${path}: expected an object, such as {"intercept": 0.1, "weights": {"country=DE": 0.3}}`);
}

function labelsOf(value: unknown): { least: number; greatest: number } {
  if (!Array.isArray(value) || value.length !== 2) throw bad('labels: expected [least, greatest]');
  const [least, greatest] = value.map((label, at) => numberOf(`labels[${at}]`, label));
  if (least! > greatest!) throw bad('labels: expected [least, greatest], the least first');
  return { least: least!, greatest: greatest! };
}

function numberOf(path: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(Math.fround(value))) return value;
  throw bad(`${path}: expected a number within float32, got ${JSON.stringify(value)?.slice(0, 40)}`);
}

const bad = (message: string): MillraceError => new MillraceError('badInput', message);
