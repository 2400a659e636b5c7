/**
 * One `millrace serve` in a simulation: the product's own supervisor, operations, model host, lease and actors,
 * over a simulated network, disk and clock. Only the threads, the sockets and the files are not real.
 */
import type { Config } from '../../config/schema.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { noFaults } from '../../src/base/fault-points.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { decode } from '../../src/protocol/codec.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { createSupervisor } from '../../src/runtime/supervisor.ts';
import { AddedModels } from '../../src/server/added-models.ts';
import type { ModelHost } from '../../src/server/model-host.ts';
import { Operations } from '../../src/server/operations.ts';
import { watchActors } from '../../src/server/watch-actors.ts';
import { SimulatedChannel } from './network.ts';
import { OneThreadPool, type PoolParts } from './one-thread-pool.ts';
import type { Owner, World } from './world.ts';

export const modelName = 'm';
export const checkpointFolder = '/checkpoints';

export interface ProcessParts extends Omit<PoolParts, 'main'> {
  readonly config: Config;
  readonly number: number;
}

export class SimulatedProcess {
  readonly name: string;
  readonly main: Owner;
  readonly pool: OneThreadPool;
  readonly config: Config;
  readonly #world: World;
  readonly #channel: SimulatedChannel;
  readonly #parts: ProcessParts;
  #operations: Operations | undefined;
  /** Why it ended by itself. */
  ended: string | undefined;
  isReady = false;
  /** Requests of an operator that are not answered yet. */
  asked = 0;
  #isStopping = false;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.config = parts.config;
    this.name = `process ${parts.number}`;
    this.#world = parts.network.world;
    this.main = this.#world.owner(this.name, (error) => this.#exit(error));
    this.#channel = new SimulatedChannel(parts.network, this.main);
    this.pool = new OneThreadPool({ ...parts, main: this.main });
  }

  get host(): ModelHost | undefined {
    return this.#operations?.hosts[0];
  }

  get isAlive(): boolean {
    return this.main.state !== 'dead';
  }

  get channels(): SimulatedChannel[] {
    return [this.#channel, ...[...this.pool.threads].map(({ channel }) => channel)];
  }

  start(): void {
    this.#world.after(this.main, 0, () => {
      this.#serve().then(
        () => {
          this.isReady = true;
        },
        (error) => this.#exit(error),
      );
    });
  }

  /** A clean stop: last version, actors in order, lease. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#world.after(this.main, 0, () => {
      (this.#operations?.closeAll() ?? Promise.resolve())
        .then(() => this.#channel.close())
        .then(
          () => this.kill(),
          (error) => this.#exit(error),
        );
    });
  }

  /** An operator's request; failures are the operator's to hear. */
  ask(what: string, act: (operations: Operations) => Promise<unknown>): void {
    const { log } = this.#parts;
    this.#world.after(this.main, 0, () => {
      if (this.#operations === undefined) return;
      this.asked++;
      act(this.#operations)
        .then(
          () => log.info({ what }, 'done'),
          (error) => log.warn({ what, reason: String(error) }, 'refused'),
        )
        .finally(() => this.asked--);
    });
  }

  hang(): void {
    this.#world.hang(this.main);
    for (const { owner } of this.pool.threads) this.#world.hang(owner);
  }

  wake(): void {
    this.#world.wake(this.main);
    for (const { owner } of this.pool.threads) this.#world.wake(owner);
  }

  kill(): void {
    this.#world.kill(this.main);
    this.#channel.sever(this.#channel.sent);
    this.pool.killAll();
    this.isReady = false;
  }

  async #serve(): Promise<void> {
    const { config, log, disk, number } = this.#parts;
    const channel = this.#channel;
    const subjects = subjectsOf(config.root);
    const around = { config, checkpointFolder, codeVersion: '0.0.0' };
    const supervisor = createSupervisor({
      settings: config.supervisor,
      connect: { servers: [], name: this.name },
      logLevel: 'silent',
      log,
      beforeRestart: async (spec) => operations.hostOf(spec.name)?.beforeRestart(spec) ?? spec,
      isExcused: (spec, error) => operations.hostOf(spec.name)?.poison.ended(spec, error) ?? false,
      pool: this.pool,
    });
    const operations: Operations = new Operations({
      channel,
      supervisor,
      transferFolder: checkpointFolder,
      // No model of the simulation has a guard.
      guardNotes: { read: async () => undefined, write: async () => {}, remove: async () => {} },
      storeOf: () => openFileStore({ folder: checkpointFolder, now: Date.now, disk }),
      around,
      log,
      config,
      faults: noFaults,
      // As the server does, the process ends when another owns its model.
      taken: (reason) => this.#exit(new MillraceError('conflict', reason)),
      added: new AddedModels('/models'),
      holder: `process ${number}.`,
      facts: { version: '0.0.0', startedAt: '', nats: { url: '', version: '', source: '' } },
    });
    this.#operations = operations;
    watchActors(supervisor, operations, channel, subjects, log);
    await channel.ensureStream({
      name: subjects.rejectedStream,
      subjects: [subjects.rejected('*')],
      bytesMax: 256 * 1024 * 1024,
      discard: 'old',
      duplicateWindowMs: 120_000,
    });
    channel.subscribe(subjects.event('checkpoint', '*'), (message) => {
      const { version, epoch, learned } = decode(message.data, undefined) as Record<string, number>;
      operations.hostOf(`${message.subject.split('.').at(-1)}/`)?.versionMade(version!, epoch!, learned!);
    });
    await operations.open(modelName, config.models[modelName]!);
  }

  #exit(error: unknown): void {
    this.ended = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#parts.log.error({ process: this.name, reason: this.ended }, 'process ended');
    this.kill();
  }
}
