/**
 * Starts the actors of this process in order, keeps them alive by their restart policies, and stops them in
 * reverse order. What one actor goes through is in child.ts; here is only who comes before whom.
 *
 * - A stage starts when every actor of the stage before it is ready; within a stage they start together.
 * - What started together stops together, the latest stage first.
 * - `life` of a name rises with every start, also across stop, start and forget.
 */
import type { Config } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ConnectOptions } from '../nats/connection.ts';
import type { ActorStatus } from '../protocol/messages.ts';
import type { ActorSpec } from './actor.ts';
import type { FaultSettings } from './armed-faults.ts';
import { type ActorChange, Child, type ChildSurroundings } from './child.ts';
import type { LogLevel } from './thread-protocol.ts';
import { createWorkerPool, type WorkerPool } from './worker-pool.ts';

export interface SupervisorOptions {
  readonly settings: Config['supervisor'];
  readonly connect: ConnectOptions;
  readonly logLevel: LogLevel;
  readonly log: Logger;
  readonly faults?: FaultSettings | undefined;
  /** Milliseconds on a clock that never goes back; the process's own when absent. */
  readonly clock?: () => number;
  /** Where actors run; threads of this process when absent. */
  readonly pool?: WorkerPool;
  /** Asked before each restart; what it returns is started under the same name. A rejection counts as a failed start. */
  readonly beforeRestart?: (spec: ActorSpec, life: number) => Promise<ActorSpec>;
  /** Whether somebody is finding out why this one ends: then its restart does not count. Never, when absent. */
  readonly isExcused?: (spec: ActorSpec, error: Error) => boolean;
}

export interface Supervisor {
  /** Resolves when all are ready; rejects with the cause as soon as one is given up, and starts no further stage. */
  startAll(stages: readonly (ActorSpec | readonly ActorSpec[])[]): Promise<void>;
  /** One more actor, or one again that was stopped or has failed; it comes last in the order. */
  start(spec: ActorSpec): Promise<void>;
  /** Stops these, or all; resolves when their threads are gone. */
  stop(names?: readonly string[]): Promise<void>;
  /** Kills the actor's thread at once; its restart policy applies. */
  terminate(name: string): void;
  /** Takes actors that are stopped or failed out of statuses(). */
  forget(names: readonly string[]): void;
  statuses(): ActorStatus[];
  onChange(listener: (change: ActorChange) => void): void;
  /** Called when an actor used up its restarts, or its settings can never work: it stays failed until started anew. */
  onGiveUp(listener: (name: string, error: Error) => void): void;
}

interface Member {
  readonly child: Child;
  /** Rises with every stage started: the order of starting. */
  readonly stage: number;
}

export const createSupervisor = (options: SupervisorOptions): Supervisor => new ProcessSupervisor(options);

class ProcessSupervisor implements Supervisor {
  readonly #actorsMax: number;
  readonly #around: ChildSurroundings;
  readonly #members = new Map<string, Member>();
  readonly #livesOfForgotten = new Map<string, number>();
  readonly #changeListeners: ((change: ActorChange) => void)[] = [];
  readonly #giveUpListeners: ((name: string, error: Error) => void)[] = [];
  #stagesStarted = 0;
  #stopsOfAll = 0;

  constructor(options: SupervisorOptions) {
    this.#actorsMax = options.settings.actorsMax;
    this.#around = {
      ...options,
      clock: options.clock ?? (() => performance.now()),
      beforeRestart: options.beforeRestart ?? (async (spec) => spec),
      isExcused: options.isExcused ?? (() => false),
      pool: options.pool ?? createWorkerPool(this.#actorsMax, options.log),
      changed: (change) => {
        for (const listener of this.#changeListeners) listener(change);
      },
      gaveUp: (name, error) => {
        for (const listener of this.#giveUpListeners) listener(name, error);
      },
    };
  }

  async startAll(stages: readonly (ActorSpec | readonly ActorSpec[])[]): Promise<void> {
    const lists = stages.map((stage): readonly ActorSpec[] => ('name' in stage ? [stage] : stage));
    this.#checkFree(lists.flat());
    this.#checkRoom(lists.flat());
    const stopsBefore = this.#stopsOfAll;
    for (const list of lists) {
      if (this.#stopsOfAll > stopsBefore)
        throw new MillraceError('notReady', 'stopped while the actors were starting');
      await this.#startStage(list);
    }
  }

  start(spec: ActorSpec): Promise<void> {
    return this.#startStage([spec]);
  }

  async stop(names?: readonly string[]): Promise<void> {
    if (names === undefined) this.#stopsOfAll++;
    const leaving =
      names === undefined ? [...this.#members.values()] : names.map((name) => this.#memberOf(name));
    for (const group of latestFirst(leaving)) await Promise.all(group.map(({ child }) => child.stop()));
  }

  terminate(name: string): void {
    this.#memberOf(name).child.terminate('terminated on request');
  }

  forget(names: readonly string[]): void {
    for (const name of names) {
      const { child } = this.#memberOf(name);
      if (!child.isOver) throw new MillraceError('conflict', `${name} is at work; stop it first`);
      this.#livesOfForgotten.set(name, child.life);
      this.#members.delete(name);
    }
  }

  statuses(): ActorStatus[] {
    return [...this.#members.values()].map(({ child }) => child.status());
  }

  onChange(listener: (change: ActorChange) => void): void {
    this.#changeListeners.push(listener);
  }

  onGiveUp(listener: (name: string, error: Error) => void): void {
    this.#giveUpListeners.push(listener);
  }

  async #startStage(specs: readonly ActorSpec[]): Promise<void> {
    this.#checkFree(specs);
    this.#checkRoom(specs);
    const stage = ++this.#stagesStarted;
    const starts = specs.map((spec) => {
      const earlierLives = this.#livesOfForgotten.get(spec.name) ?? 0;
      const child = this.#members.get(spec.name)?.child ?? new Child(spec, earlierLives, this.#around);
      this.#members.set(spec.name, { child, stage });
      return child.start(spec);
    });
    await Promise.all(starts);
  }

  #memberOf(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new MillraceError('notFound', `no actor is named ${name}`);
    return member;
  }

  #checkFree(specs: readonly ActorSpec[]): void {
    const names = specs.map((spec) => spec.name);
    const isAtWork = (name: string) => this.#members.get(name)?.child.isOver === false;
    const taken = names.find((name, at) => names.indexOf(name) < at || isAtWork(name));
    if (taken !== undefined)
      throw new MillraceError('conflict', `an actor named ${taken} is already at work`);
  }

  #checkRoom(specs: readonly ActorSpec[]): void {
    const atWork = [...this.#members.values()].filter(({ child }) => !child.isOver).length;
    if (atWork + specs.length <= this.#actorsMax) return;
    const wanted = `${specs.length} more actors beside ${atWork}`;
    throw new MillraceError(
      'overloaded',
      `${wanted} are above supervisor.actorsMax ${this.#actorsMax}; raise it`,
    );
  }
}

function latestFirst(members: readonly Member[]): Member[][] {
  const stages = new Map<number, Member[]>();
  for (const member of members) stages.set(member.stage, [...(stages.get(member.stage) ?? []), member]);
  return [...stages].sort(([a], [b]) => b - a).map(([, group]) => group);
}
