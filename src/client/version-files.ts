/** A version to and from a file of one's own, in pieces that fit a message. A piece that got no answer is sent again. */
import { MillraceError } from '../base/errors.ts';
import { contentHeaders, encode } from '../protocol/codec.ts';
import type { VersionSummary } from '../protocol/messages.ts';
import type { Verb } from '../protocol/subjects.ts';
import { bodyOf, type Link } from './link.ts';
import { nameOf } from './tokens.ts';

export interface ExportedVersion {
  readonly version: number;
  readonly bytes: number;
  /** The file, to be read once, to its end. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface PredictOnlyOptions {
  /** The current one when absent. */
  readonly version?: number;
  /** How weights are rounded; as they are when absent. */
  readonly quantize?: 'q2.13' | 'f16';
}

interface Begun {
  readonly transfer: string;
  readonly bytes: number;
  readonly version: number;
  readonly chunkBytes: number;
}

const triesMax = 5;
/** For what reads or writes all bytes of a version. */
const longMs = 600_000;

export async function exportVersion(link: Link, model: string, version?: number): Promise<ExportedVersion> {
  const begun = await ask<Begun>(link, 'export', model, version === undefined ? {} : { version });
  return { version: begun.version, bytes: begun.bytes, chunks: chunksOf(link, model, begun) };
}

/** The file of a model that only predicts, for `millrace/edge`. */
export async function exportPredictOnly(
  link: Link,
  model: string,
  options: PredictOnlyOptions,
): Promise<ExportedVersion> {
  const begun = await ask<Begun>(link, 'export', model, { predictOnly: true, ...options });
  return { version: begun.version, bytes: begun.bytes, chunks: chunksOf(link, model, begun) };
}

async function* chunksOf(link: Link, model: string, { transfer, bytes }: Begun): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (;;) {
    const piece = (await askAgain<{ bytes: Uint8Array }>(link, model, { transfer, from })).bytes;
    if (piece.byteLength === 0) break;
    yield piece;
    from += piece.byteLength;
  }
  if (from !== bytes) throw new MillraceError('internal', `${from} of ${bytes} bytes came; export it again`);
}

export async function importVersion(
  link: Link,
  model: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<VersionSummary> {
  const { transfer, chunkBytes } = await ask<Begun>(link, 'import', model, {});
  let from = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += chunkBytes) {
      const bytes = chunk.subarray(at, at + chunkBytes);
      await askAgain(link, model, { transfer, from, bytes });
      from += bytes.byteLength;
    }
  }
  return ask<VersionSummary>(link, 'import', model, { transfer });
}

async function ask<T>(link: Link, verb: Verb, model: string, body: object, timeoutMs = longMs): Promise<T> {
  const reply = await link.channel.request(link.subjects.ctl(verb, nameOf(model)), encode(body, 'msgpack'), {
    timeoutMs,
    headers: contentHeaders('msgpack'),
  });
  return bodyOf<T>(reply);
}

async function askAgain<T>(link: Link, model: string, body: object): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask<T>(link, 'transfer', model, body, link.adminTimeoutMs);
    } catch (error) {
      const silence =
        error instanceof MillraceError && (error.kind === 'deadline' || error.kind === 'notReady');
      if (!silence || attempt === triesMax) throw error;
    }
  }
}
