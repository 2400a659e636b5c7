/**
 * The supervisor's threads, all in one: each start of an actor is an owner of the world with a connection of its
 * own. Killing it stops it between two of its awaits; what it sent last may or may not have left.
 */
import { type CheckpointerSettings, checkpointerActor } from '../../actors/checkpointer.ts';
import { type LearnerSettings, learnerActor } from '../../actors/learner.ts';
import { type PredictorSettings, predictorActor } from '../../actors/predictor.ts';
import { type ShardSettings, shardActor } from '../../actors/shard.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { noFaults } from '../../src/base/fault-points.ts';
import type { Logger } from '../../src/base/logger.ts';
import type { buildModel } from '../../src/kernels/build-model.ts';
import type { ActorContext, ActorKind, RunningActor } from '../../src/runtime/actor.ts';
import { failureOf } from '../../src/runtime/thread-protocol.ts';
import type { ActorThread, ThreadEnd, ThreadOrder, WorkerPool } from '../../src/runtime/worker-pool.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { type Network, SimulatedChannel } from './network.ts';
import type { Random } from './random.ts';
import type { Owner } from './world.ts';

export interface PoolParts {
  readonly network: Network;
  readonly random: Random;
  readonly disk: MemoryDisk;
  readonly build: typeof buildModel;
  readonly log: Logger;
  /** The process's main thread. */
  readonly main: Owner;
  /** Something failed that is no operating error. */
  broken(name: string, error: unknown): void;
  /** Told of each life. */
  started(thread: Thread): void;
}

/** One life of an actor. */
export interface Thread {
  readonly name: string;
  readonly kind: ActorKind;
  readonly life: number;
  readonly settings: unknown;
  readonly owner: Owner;
  readonly channel: SimulatedChannel;
  /** Whether its supervisor believes that it is at work. */
  believed: boolean;
  kill(reason: string): void;
}

/**
 * A hung thread of these kinds survives its replacement and may wake: what it then does must be refused, or harm
 * nobody. A real thread is gone before the next begins; a stopped process is not.
 */
const undead: readonly ActorKind[] = ['learner', 'predictor'];

/** How long the end of a thread takes. */
const endMs = 0.5;

export class OneThreadPool implements WorkerPool {
  readonly #parts: PoolParts;
  /** All lives that have not ended for good, also those that only their supervisor thinks dead. */
  readonly threads = new Set<Thread>();

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  start(order: ThreadOrder, onReady: () => void): ActorThread {
    const { network, main } = this.#parts;
    const { world } = network;
    const { spec, life, heartbeatMs } = order;
    const owner = world.owner(`${spec.name}#${life}`, (error) => fail(error));
    const channel = new SimulatedChannel(network, owner);
    let running: RunningActor | undefined;
    let tell: (end: ThreadEnd) => void = () => undefined;
    const ended = new Promise<ThreadEnd>((resolve) => {
      tell = resolve;
    });
    const end = (why: ThreadEnd) => {
      if (!thread.believed) return this.#bury(thread);
      thread.believed = false;
      const staysUndead = owner.state === 'hung' && undead.includes(spec.kind);
      if (!staysUndead) this.#bury(thread);
      // What the host tells a learner must reach the next life: it has no way of telling them apart, nor need of one.
      else if (spec.kind === 'learner') channel.deafen();
      world.after(main, endMs, () => tell(why));
    };
    const fail = (error: unknown) => {
      if (owner.state === 'dead') return;
      this.#parts.log.error({ actor: spec.name, life, err: error }, 'actor failed');
      if (!(error instanceof MillraceError)) this.#parts.broken(spec.name, error);
      end({ kind: 'failed', failure: failureOf(error) });
    };
    const kill = (reason: string) =>
      end({ kind: 'killed', failure: { name: 'ThreadKilled', message: reason } });
    const { name, kind, settings } = spec;
    const thread: Thread = { name, kind, life, settings, owner, channel, believed: true, kill };
    this.threads.add(thread);
    this.#parts.started(thread);
    world.after(owner, endMs, () => {
      const { log } = this.#parts;
      const context = { name, settings, life, channel, log, faults: noFaults, fail };
      this.#actorOf(kind, context).then((actor) => {
        running = actor;
        world.after(main, endMs, () => thread.believed && onReady());
      }, fail);
    });
    const stop = () => {
      (running?.stop() ?? Promise.resolve())
        .then(() => channel.close())
        .then(() => end({ kind: 'stopped' }))
        .catch(fail);
    };
    return {
      askToStop: () => void world.after(owner, endMs, stop),
      kill,
      beats: () => (owner.state === 'alive' ? Math.floor(world.now / heartbeatMs) : -1),
      ended,
    };
  }

  /** All at once, as the end of the process does. */
  killAll(): void {
    for (const thread of [...this.threads]) {
      thread.believed = false;
      this.#bury(thread);
    }
  }

  #bury(thread: Thread): void {
    const { network, random } = this.#parts;
    network.world.kill(thread.owner);
    // Of what it sent last, all leaves, or nothing, or some.
    const { sent, arrived } = thread.channel;
    thread.channel.sever(random.pick([sent, arrived, sent - random.between(0, 4)]));
    this.threads.delete(thread);
  }

  #actorOf(kind: ActorKind, context: ActorContext<unknown>): Promise<RunningActor> {
    const { disk, build } = this.#parts;
    switch (kind) {
      case 'shard':
        return shardActor(context as ActorContext<ShardSettings>);
      case 'learner':
        return learnerActor(context as ActorContext<LearnerSettings>, build);
      case 'predictor':
        return predictorActor(context as ActorContext<PredictorSettings>, build);
      case 'checkpointer':
        return checkpointerActor(context as ActorContext<CheckpointerSettings>, disk.calls);
      case 'monitor':
        throw new Error('the monitor takes no part');
    }
  }
}
