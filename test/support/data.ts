/**
 * What the tests of the whole stack learn: recorded streams, where the measuring data is beside the project, and
 * made-up streams that follow from a seed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { ModelConfig } from '../../config/schema.ts';
import type { Features, LearnEvent } from '../../src/protocol/messages.ts';

/** A message for the stream: events as they are sent, or bytes from which no event can be taken. */
export type StreamMessage =
  | { readonly kind: 'events'; readonly wire: 'json' | 'msgpack'; readonly body: unknown }
  | { readonly kind: 'garbage'; readonly bytes: Uint8Array; readonly contentType: string | undefined }
  | { readonly kind: 'label' };

export interface MadeStream {
  readonly messages: readonly StreamMessage[];
  /** Events, and messages taken as one, that can be learned, and that must be refused. */
  readonly good: number;
  readonly bad: number;
}

/** Looked for beside the project, from where the tests run and from where they were built. */
function dataFile(name: string): string | undefined {
  const starts = [process.cwd(), dirname(fileURLToPath(import.meta.url))];
  for (const start of starts) {
    for (let folder = resolve(start); folder !== dirname(folder); folder = dirname(folder)) {
      const file = join(folder, '..', 'shared', 'data', name);
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}

/** For a test's `skip`: false when every file is there. */
export function dataMissing(...names: readonly string[]): string | false {
  const missing = names.filter((name) => dataFile(name) === undefined);
  return missing.length === 0 ? false : `measuring data not here: ${missing.join(', ')}`;
}

export function dataPath(name: string): string {
  const file = dataFile(name);
  if (file === undefined) throw new Error(`no ${name}: skip when dataMissing() says so`);
  return file;
}

export function readText(name: string): string {
  const bytes = readFileSync(dataPath(name));
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** Lines of a table whose first line names the columns; no cell holds a comma. */
export function readTable(name: string): Record<string, string>[] {
  const [head, ...lines] = linesOf(readText(name));
  const columns = head!.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(columns.map((column, at) => [column, cells[at]!]));
  });
}

/** LIBSVM's format with labels -1 and +1: every index becomes a number by its name. */
export function readLibsvm(name: string): LearnEvent[] {
  return linesOf(readText(name)).map((line) => {
    const [label, ...cells] = line.trim().split(/\s+/);
    const features = Object.fromEntries(
      cells.map((cell) => {
        const [index, value] = cell.split(':');
        return [`f${index}`, Number(value)];
      }),
    );
    return { features, label: Number(label) > 0 ? 1 : 0 };
  });
}

const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line !== '');

/** Numbers in [0, 1) that follow from the seed (Vigna's SplitMix, 32 bits). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  };
}

const pick = <Item>(random: () => number, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)]!;

/** Every kind of value; some names come rarely, some events are long. */
export function madeFeatures(random: () => number): Features {
  const words = Array.from({ length: Math.floor(random() * 4) }, () => `word${Math.floor(random() * 50)}`);
  return {
    city: pick(random, ['oslo', 'rome', 'lima', 'Łódź', '東京']),
    day: pick(random, ['mon', 'tue', 'wed']),
    price: random() * 4 - 2,
    steady: 1,
    member: random() < 0.5,
    absent: null,
    words,
    ...(random() < 0.3
      ? { shape: Array.from({ length: 3 + Math.floor(random() * 3) }, () => random() - 0.5) }
      : {}),
    ...(random() < 0.05 ? { long: Array.from({ length: 70 }, () => random() / 8) } : {}),
    ...(random() < 0.5
      ? { user: { id: `u${Math.floor(random() * 300)}`, age: random() * 2, tags: words } }
      : {}),
  };
}

type Task = ModelConfig['task'];

export function madeEvent(random: () => number, task: Task): LearnEvent {
  const features = madeFeatures(random);
  const score = (features.price as number) + (features.member === true ? 0.5 : -0.5);
  const flag = random() < 1 / (1 + Math.exp(-2 * score));
  const isBoolean = task === 'binary' && random() < 0.5;
  const label = {
    regression: () => score + random(),
    binary: () => (isBoolean ? flag : Number(flag)),
    multiclass: () => classOf(score + random()),
  };
  return {
    features,
    label: label[task](),
    ...(random() < 0.2 ? { weight: pick(random, [0, 0.25, 1, 3]) } : {}),
    ...(random() < 0.2 ? { id: `e${random()}`, time: 1_700_000_000_000 } : {}),
  };
}

/** Of every kind; 1 and "1" are one class. */
const classes = ['low', 'Łódź', true, 1, '1', -7, 'high'];
const classOf = (score: number) => classes[Math.min(6, Math.max(0, Math.floor(2 * score + 3)))]!;

/** None of these can be learned by any model. */
const badEvents: readonly unknown[] = [
  42,
  null,
  'text',
  [],
  { label: 1 },
  { features: { a: 1 } },
  { features: [1, 2], label: 1 },
  { features: { a: 1 }, label: ['yes'] },
  { features: { a: 1 }, label: Number.NaN },
  { features: { a: 1 }, label: 1, weight: -1 },
  { features: { a: 1 }, label: 1, time: 'noon' },
  { features: { a: 1e39 }, label: 1 },
  { features: { price: 1, mixed: [1, 'two'] }, label: 1 },
  { features: { a: { b: { c: { d: { e: { f: { g: { h: { i: 1 } } } } } } } } }, label: 1 },
  // Well formed, and only its step would not be finite.
  { features: { price: 1, heap: Array.from({ length: 1000 }, () => 'word1') }, label: 1, weight: 3e38 },
];

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const garbage: readonly StreamMessage[] = [
  { kind: 'garbage', bytes: text('{"features": {'), contentType: undefined },
  { kind: 'garbage', bytes: new Uint8Array(0), contentType: undefined },
  { kind: 'garbage', bytes: Uint8Array.of(0xc1, 0xff, 0x93), contentType: 'application/msgpack' },
  { kind: 'garbage', bytes: text('<event/>'), contentType: 'text/xml' },
  { kind: 'label' },
];

/** About `events` events, half of them with one of `distinctIds` ids where there are any: one alone, few or many in a message, both wire formats, with bad ones in between. */
export function madeStream(seed: number, events: number, task: Task, distinctIds = 0): MadeStream {
  const random = randomOf(seed);
  // Its own numbers, so that the streams are the same with and without ids that come again.
  const more = randomOf(seed + 1);
  const repeats = () => (distinctIds > 0 ? more() : 1);
  const event = () => {
    const made = madeEvent(random, task);
    return repeats() < 0.5 ? { ...made, id: `again${Math.floor(more() * distinctIds)}` } : made;
  };
  const messages: StreamMessage[] = [];
  let [good, bad, unlikely] = [0, 0, 0];
  const item = (): unknown => {
    if (random() < 0.03) {
      bad++;
      return badEvents[unlikely++ % badEvents.length];
    }
    good++;
    return event();
  };
  while (good < events) {
    if (random() < 0.04) {
      bad++;
      messages.push(garbage[messages.length % garbage.length]!);
    }
    const size = pick(random, [0, 0, 1, 3, 10, 40]);
    const wire = pick(random, ['json', 'msgpack'] as const);
    if (size > 0) messages.push({ kind: 'events', wire, body: Array.from({ length: size }, item) });
    else {
      good++;
      messages.push({ kind: 'events', wire, body: event() });
    }
  }
  return { messages, good, bad };
}
