/**
 * Immutable objects in the layout that `nats object` and every client know (stream OBJ_<bucket>). The client sends all
 * chunks of an object at once, so objects stay small (docs/checkpoint-format.md splits what is larger).
 *
 * Reading looks first whether all chunks are there: the client would wait for ever for the last one. A removal takes
 * the object's entry first, and leaves no mark behind that would add up.
 */
import { createHash } from 'node:crypto';
import type { JetStreamClient, JetStreamManager, ObjectStore } from 'nats';
import { MillraceError, messageOf } from '../base/errors.ts';
import type { ObjectBucket, ObjectFound } from './channel.ts';
import { operatingError } from './nats-errors.ts';

const putTimeoutMs = 30_000;
const getTimeoutMs = 60_000;

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
      const digest = `SHA-256=${createHash('sha256').update(bytes).digest('base64url')}`;
      // The padding of the digest is the client's; what counts is what stands before it.
      const holds = stored?.size === bytes.byteLength && stored.digest.replace(/=+$/, '') === digest;
      if (!holds)
        throw new MillraceError('conflict', `object ${name} was written by another at the same time`);
    });
  }

  get(name: string): Promise<ObjectFound | undefined> {
    return this.#doing(name, async () => {
      const info = await this.#store.info(name);
      if (info === null || info.deleted) return undefined;
      const chunks = `$O.${this.#name}.C.${info.nuid}`;
      const there = (await this.#subjects(chunks))[chunks] ?? 0;
      if (there !== info.chunks)
        return { kind: 'damaged', reason: `${there} of its ${info.chunks} chunks are there` };
      try {
        const bytes = await withinTime(this.#store.getBlob(name), name);
        return bytes === null ? undefined : { kind: 'object', bytes };
      } catch (thrown) {
        if (!/corrupt object/.test(messageOf(thrown))) throw thrown;
        return { kind: 'damaged', reason: "its digest is not the object store's" };
      }
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

  #doing<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
    return asOperating(`object ${name} in ${this.#name}`, act);
  }
}

const padded = (text: string): string => text.padEnd(Math.ceil(text.length / 4) * 4, '=');

async function asOperating<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (thrown) {
    throw operatingError(thrown, what);
  }
}

async function withinTime<Result>(work: Promise<Result>, name: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new MillraceError('deadline', `object ${name}: not read within ${getTimeoutMs} ms`);
    timer = setTimeout(() => reject(error), getTimeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
