/**
 * Vowpal Wabbit's text: `label importance 'tag |namespace:scale feature:value feature ...`, one event per line.
 *
 * Comes out as events on the wire: importance is the weight, the tag the id, a namespace an object, the
 * anonymous one the features themselves. A feature without value is 1, one of value 0 is none; one that stands twice
 * in a namespace adds up. A namespace whose features an object would not keep in their order (it puts whole numbers
 * first, and has each name once) is a list of pairs, so that n-grams are those of the line. Base predictions, labels
 * of costs or actions and examples over several lines are refused by name.
 */
import { numberOf } from './cell.ts';
import { readLines } from './jsonl.ts';
import { type FileRecord, problemOf, type Row, recordBytesMax, recordOf } from './row.ts';

type Members = Record<string, number>;
type Pair = readonly [name: string, value: number];
type Parsed = Record<string, number | Members | readonly Pair[]>;

export async function* readVw(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Row<FileRecord>> {
  for await (const line of readLines(chunks, recordBytesMax)) {
    if (line.kind === 'problem') yield line;
    else if (line.value.trim() !== '') yield parsed(line.line, line.value);
  }
}

class VwProblem extends Error {}

function parsed(line: number, text: string): Row<FileRecord> {
  try {
    const [head, ...namespaces] = text.split('|');
    if (namespaces.length === 0) throw new VwProblem('no "|" before the features');
    const features: Parsed = Object.create(null);
    for (const namespace of namespaces) addNamespace(namespace, features);
    return recordOf(line, { ...headOf(head!), features: { ...features } });
  } catch (error) {
    if (!(error instanceof VwProblem)) throw error;
    return problemOf(line, error.message);
  }
}

/** A word that touches the bar is the tag, as is one that begins with an apostrophe. */
function headOf(head: string): { label: number; weight?: number; id?: string } {
  const words = head.trim() === '' ? [] : head.trim().split(/\s+/);
  const last = words.at(-1);
  const isTag = last !== undefined && (last.startsWith("'") || !/\s$/.test(head));
  const tag = isTag ? words.pop()!.replace(/^'/, '') : '';
  const [label, weight, base] = words;
  if (label === undefined) throw new VwProblem('no label before "|"');
  if (base !== undefined) throw new VwProblem(`a base prediction (${base}) is not supported`);
  return {
    label: numeric(label, 'label'),
    ...(weight === undefined ? {} : { weight: numeric(weight, 'importance') }),
    ...(tag === '' ? {} : { id: tag }),
  };
}

function addNamespace(text: string, features: Parsed): void {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const isNamed = text !== '' && !/^\s/.test(text);
  const [name, scale] = isNamed ? splitValue(words.shift()!, 'namespace') : ['', 1];
  const pairs = words
    .map((word): Pair => {
      const [feature, value] = splitValue(word, 'feature');
      return [feature, value * scale];
    })
    .filter(([, value]) => value !== 0);
  if (name === '') addPlain(pairs, features);
  else features[name] = namespaceOf([...pairsOf(features[name], name), ...pairs]);
}

/** A namespace may come in several parts. */
function pairsOf(present: Parsed[string] | undefined, name: string): readonly Pair[] {
  if (typeof present === 'number') throw new VwProblem(`namespace ${name} has the name of a feature`);
  return Array.isArray(present) ? present : Object.entries((present as Members | undefined) ?? {});
}

function addPlain(pairs: readonly Pair[], features: Parsed): void {
  for (const [feature, value] of pairs) {
    const before = features[feature] ?? 0;
    if (typeof before !== 'number') throw new VwProblem(`feature ${feature} has the name of a namespace`);
    features[feature] = before + value;
  }
}

function namespaceOf(pairs: readonly Pair[]): Members | readonly Pair[] {
  const members: Members = Object.create(null);
  for (const [name, value] of pairs) members[name] = value;
  const names = Object.keys(members);
  const isKept = names.length === pairs.length && pairs.every(([name], at) => names[at] === name);
  return isKept ? members : pairs;
}

/** `name:value`, or `name`, which is 1. */
function splitValue(word: string, what: string): readonly [name: string, value: number] {
  const at = word.lastIndexOf(':');
  if (at < 0) return [word, 1];
  if (at === 0) throw new VwProblem(`${what} ${JSON.stringify(word)} has no name`);
  return [word.slice(0, at), numeric(word.slice(at + 1), `${what} ${word.slice(0, at)}`)];
}

function numeric(text: string, what: string): number {
  const value = numberOf(text);
  if (value === undefined) throw new VwProblem(`${what}: expected a number, got ${JSON.stringify(text)}`);
  return value;
}
