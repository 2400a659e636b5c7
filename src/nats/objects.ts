/**
 * Immutable objects in the layout that `nats object` and every client know (stream OBJ_<bucket>). The client sends all
 * chunks of an object at once, so objects stay small (docs/checkpoint-format.md splits what is larger).
 *
 * Chunks are read one by one: the client's own reading would wait for ever for one that is missing. A removal takes the
 * object's entry first, and leaves no mark behind that would add up.
 */
import { createHash, type Hash } from 'node:crypto';
import type { JetStreamClient, JetStreamManager, ObjectInfo, ObjectStore } from 'nats';
import { MillraceError } from '../base/errors.ts';
import type { ObjectBucket, ObjectFound } from './channel.ts';
import { operatingError } from './nats-errors.ts';
import { unlessAbsent } from './streams.ts';

const putTimeoutMs = 30_000;

export async function openObjects(
  client: JetStreamClient,
  manager: JetStreamManager,
  name: string,
): Promise<ObjectBucket> {
  return asOperating(`object store ${name}`, async () => {
    const store = await client.views.os(name);
    return new StreamObjects(store, manager, name);
  });
}

class StreamObjects implements ObjectBucket {
  readonly #store: ObjectStore;
  readonly #manager: JetStreamManager;
  readonly #name: string;

  constructor(store: ObjectStore, manager: JetStreamManager, name: string) {
    this.#store = store;
    this.#manager = manager;
    this.#name = name;
  }

  names(): Promise<string[]> {
    return asOperating(`object store ${this.#name}`, async () => {
      const first = `$O.${this.#name}.M.`;
      const subjects = await this.#subjects(`${first}>`);
      return Object.keys(subjects).map((subject) =>
        Buffer.from(subject.slice(first.length), 'base64url').toString('utf8'),
      );
    });
  }

  size(name: string): Promise<number | undefined> {
    return this.#doing(name, async () => {
      const info = await this.#store.info(name);
      return info === null || info.deleted ? undefined : info.size;
    });
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#doing(name, async () => {
      await this.#store.putBlob({ name }, bytes, { timeout: putTimeoutMs });
      const stored = await this.#store.info(name);
      const hash = createHash('sha256').update(bytes);
      if (stored?.size !== bytes.byteLength || !isDigest(stored.digest, hash))
        throw new MillraceError('conflict', `object ${name} was written by another at the same time`);
    });
  }

  get(name: string): Promise<ObjectFound | undefined> {
    return this.#doing(name, async () => {
      const info = await this.#store.info(name);
      if (info === null || info.deleted) return undefined;
      const chunks = await this.#chunks(info);
      const reason = damageOf(info, chunks);
      return reason === undefined
        ? { kind: 'object', bytes: Buffer.concat(chunks) }
        : { kind: 'damaged', reason };
    });
  }

  remove(name: string): Promise<void> {
    return this.#doing(name, async () => {
      const info = await this.#store.info(name);
      if (info === null) return;
      const entry = `$O.${this.#name}.M.${padded(Buffer.from(name, 'utf8').toString('base64url'))}`;
      await this.#purge(entry);
      await this.#purge(`$O.${this.#name}.C.${info.nuid}`);
    });
  }

  async #purge(filter: string): Promise<void> {
    await this.#manager.streams.purge(`OBJ_${this.#name}`, { filter });
  }

  async #subjects(filter: string): Promise<Record<string, number>> {
    const info = await this.#manager.streams.info(`OBJ_${this.#name}`, { subjects_filter: filter });
    return info.state.subjects ?? {};
  }

  /** Those that are there, in order; asked for one by one, so that no consumer of the stream is needed. */
  async #chunks({ nuid, chunks: count }: ObjectInfo): Promise<Uint8Array[]> {
    const subject = `$O.${this.#name}.C.${nuid}`;
    const chunks: Uint8Array[] = [];
    for (let seq = 1; chunks.length < count; ) {
      const query = { seq, next_by_subj: subject };
      const found = await unlessAbsent(
        `chunk of ${nuid}`,
        this.#manager.streams.getMessage(`OBJ_${this.#name}`, query),
      );
      if (found === undefined) break;
      chunks.push(found.data);
      seq = found.seq + 1;
    }
    return chunks;
  }

  #doing<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
    return asOperating(`object ${name} in ${this.#name}`, act);
  }
}

/** What is wrong with these chunks of an object; undefined when nothing is. */
function damageOf(info: ObjectInfo, chunks: readonly Uint8Array[]): string | undefined {
  if (chunks.length < info.chunks) return `${chunks.length} of its ${info.chunks} chunks are there`;
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return isDigest(info.digest, hash) ? undefined : "its digest is not the object store's";
}

/** The padding of a stored digest is the client's; what counts is what stands before it. */
const isDigest = (stored: string, hash: Hash): boolean =>
  stored.replace(/=+$/, '') === `SHA-256=${hash.digest('base64url')}`;

const padded = (text: string): string => text.padEnd(Math.ceil(text.length / 4) * 4, '=');

async function asOperating<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (thrown) {
    throw operatingError(thrown, what);
  }
}
