/**
 * What a change of settings asks for. The numbers of an optimizer may change between two events, which starts
 * an epoch; what gives a row its meaning cannot change under the rows, so the log has to be learned again; what
 * is outside the definition (actor counts, intervals, limits) needs nothing.
 */
export type Need = 'nothing' | 'epoch' | 'relearn';

export interface Change {
  /** `optimizer.learningRate` */
  readonly path: string;
  /** Undefined where one side does not have the setting. */
  readonly from: unknown;
  readonly to: unknown;
  readonly needs: Need;
}

const freeSettings: ReadonlySet<string> = new Set([
  'actors',
  'batch',
  'snapshot',
  'checkpoint',
  'dedupe',
  'stream',
  'limits',
]);

/**
 * Compares two definitions (config/fingerprint.ts), the older one perhaps read from a manifest. Changes come
 * in the order of their paths; equal definitions give none.
 */
export function compareDefinitions(from: unknown, to: unknown): Change[] {
  const before = flattened(from, '');
  const after = flattened(to, '');
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  const changes = paths
    .filter((path) => JSON.stringify(before.get(path)) !== JSON.stringify(after.get(path)))
    .map((path): Change => {
      const needs = needOf(path, before.has(path) && after.has(path));
      return { path, from: before.get(path), to: after.get(path), needs };
    });
  // With another optimizer the numbers are other numbers: naming each would hide the one change that counts.
  const isOther = changes.some(({ path }) => path === 'optimizer.name');
  return changes.filter(
    ({ path }) => !isOther || path === 'optimizer.name' || !path.startsWith('optimizer.'),
  );
}

/** Where rows would have other slots, or mean something else: which of two rules it is, and whether it has these. */
const kinds: ReadonlySet<string> = new Set(['optimizer.name', 'optimizer.variant', 'optimizer.nesterov']);
const rates: ReadonlySet<string> = new Set(['family.learningRate', 'predictionMin', 'predictionMax']);
const shaping: ReadonlySet<string> = new Set([
  'optimizer.power',
  'optimizer.l1',
  'optimizer.l2',
  'optimizer.plainInterceptRate',
]);

function needOf(path: string, isInBoth: boolean): Need {
  if (freeSettings.has(path.split('.')[0]!)) return 'nothing';
  if (rates.has(path) || path.startsWith('classWeights.')) return 'epoch';
  if (!path.startsWith('optimizer.') || kinds.has(path)) return 'relearn';
  return shaping.has(path) && !isInBoth ? 'relearn' : 'epoch';
}

/** Settings by dotted path; a list is one setting, because its order counts. */
function flattened(value: unknown, path: string): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map([[path, value]]);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return new Map(
    members.flatMap(([key, member]) => [...flattened(member, path === '' ? key : `${path}.${key}`)]),
  );
}
