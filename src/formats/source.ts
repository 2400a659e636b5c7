/**
 * The bytes of a file or of standard input, unpacked when they are gzip (known by the first two bytes, never
 * by the name). Nothing is read before it is asked for.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { MillraceError, messageOf, SetupError } from '../base/errors.ts';

export interface Source {
  /** For messages: the path, or "standard input". */
  readonly name: string;
  /** Size of the file as stored; undefined for standard input. */
  readonly bytesTotal: number | undefined;
  /** Stored bytes read so far. */
  bytesRead(): number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

const gzipMagic = [0x1f, 0x8b] as const;

/** `path` may be "-", which is standard input. */
export async function openSource(path: string, stdin: AsyncIterable<Uint8Array>): Promise<Source> {
  if (path === '-') return countedSource('standard input', undefined, stdin);
  const facts = await stat(path).catch((error: unknown) => {
    throw new SetupError(
      `${path} cannot be read (${messageOf(error)}); name a file that exists, or - for standard input`,
    );
  });
  if (facts.isDirectory()) throw new SetupError(`${path} is a folder; name a file`);
  return countedSource(path, facts.size, createReadStream(path, { highWaterMark: 256 * 1024 }));
}

function countedSource(name: string, bytesTotal: number | undefined, raw: AsyncIterable<Uint8Array>): Source {
  const counter = { bytes: 0 };
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of raw) {
      counter.bytes += chunk.length;
      yield chunk;
    }
  }
  return { name, bytesTotal, bytesRead: () => counter.bytes, chunks: unpacked(name, counted()) };
}

async function* unpacked(name: string, stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, chunks } = await peek(stored, 2);
  if (head[0] !== gzipMagic[0] || head[1] !== gzipMagic[1]) {
    yield* chunks;
    return;
  }
  const gunzip = createGunzip();
  // A failure of either end destroys the other; the loop below then throws it.
  pipeline(Readable.from(chunks, { objectMode: false }), gunzip, () => {});
  try {
    yield* gunzip;
  } catch (error) {
    throw new MillraceError(
      'badInput',
      `${name}: the gzip data is damaged or cut short (${messageOf(error)})`,
      {
        cause: error,
      },
    );
  }
}

/** The first bytes (at least `least`, unless there are fewer), and all chunks including them. */
export async function peek(
  chunks: AsyncIterable<Uint8Array>,
  least: number,
): Promise<{ head: Uint8Array; chunks: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < least) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { head, chunks: all() };
}
