/**
 * One actor's life as its supervisor sees it.
 *
 *                 ready              ended             the wait is over
 *   start --> starting --> running ---------> backing-off ---------> starting
 *                 |           |                    |
 *                 +--- stop --+--> stopping        +-- too many restarts --> failed
 *                                     +--> stopped
 *
 * - There is at most one thread at a time: the next one begins after the last one is really gone.
 * - A phase owns its timer, and entering another phase cancels it; a callback that finds another phase than
 *   the one it was made for comes too late and does nothing.
 * - An actor that is not ready yet has taken on no work, so a stop ends it at once.
 */
import type { Config } from '../../config/schema.ts';
import { MillraceError, SetupError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ConnectOptions } from '../nats/connection.ts';
import type { ActorStatus } from '../protocol/messages.ts';
import type { ActorSpec } from './actor.ts';
import type { FaultSettings } from './armed-faults.ts';
import { watchHeartbeat } from './heartbeat.ts';
import { decideRestart, type RestartHistory } from './restart-policy.ts';
import { errorOf, type LogLevel } from './thread-protocol.ts';
import type { ActorThread, ThreadEnd, WorkerPool } from './worker-pool.ts';

export type ActorState = ActorStatus['state'];

export interface ActorChange {
  readonly name: string;
  readonly kind: string;
  readonly state: ActorState;
  readonly life: number;
  /** Why, when the actor did not get here as it was asked to. */
  readonly reason?: string;
}

export interface ChildSurroundings {
  readonly settings: Config['supervisor'];
  readonly connect: ConnectOptions;
  readonly logLevel: LogLevel;
  readonly log: Logger;
  readonly pool: WorkerPool;
  readonly faults?: FaultSettings | undefined;
  /** Milliseconds on a clock that never goes back. */
  readonly clock: () => number;
  /** May hand the next life other settings, such as a memory that was repaired. */
  readonly beforeRestart: (spec: ActorSpec, life: number) => Promise<ActorSpec>;
  /**
   * Asked once for each thread that ended: whether somebody is finding out why. Then the restart does not count
   * against the intensity.
   */
  readonly isExcused: (spec: ActorSpec, error: Error) => boolean;
  readonly changed: (change: ActorChange) => void;
  readonly gaveUp: (name: string, error: Error) => void;
}

type Timer = NodeJS.Timeout;
type Phase =
  | { readonly state: 'stopped' }
  | { readonly state: 'failed' }
  | { readonly state: 'starting'; readonly thread: ActorThread; readonly timer: Timer }
  | { readonly state: 'running'; readonly thread: ActorThread; readonly timer: Timer }
  | { readonly state: 'stopping'; readonly thread: ActorThread; readonly timer?: Timer }
  | { readonly state: 'backing-off'; readonly timer: Timer };

interface Waiter {
  readonly ready: () => void;
  readonly over: (error: Error) => void;
}

export class Child {
  readonly name: string;
  readonly #around: ChildSurroundings;
  #spec: ActorSpec;
  #phase: Phase = { state: 'stopped' };
  #life: number;
  #restarts = 0;
  #history: RestartHistory = [];
  #wasReady = false;
  #lastError: Error | undefined;
  #startWaiters: Waiter[] = [];
  #stopWaiters: (() => void)[] = [];

  constructor(spec: ActorSpec, earlierLives: number, around: ChildSurroundings) {
    this.name = spec.name;
    this.#spec = spec;
    this.#life = earlierLives;
    this.#around = around;
  }

  get life(): number {
    return this.#life;
  }

  /** Whether the actor is neither at work nor about to be. */
  get isOver(): boolean {
    return this.#phase.state === 'stopped' || this.#phase.state === 'failed';
  }

  status(): ActorStatus {
    const { name, kind } = this.#spec;
    const status = { name, kind, state: this.#phase.state, restarts: this.#restarts };
    return this.#lastError === undefined ? status : { ...status, lastError: this.#lastError.message };
  }

  /** Resolves when the actor is ready, be it after restarts; rejects with the cause when it is given up or stopped before. */
  start(spec: ActorSpec): Promise<void> {
    this.#spec = spec;
    this.#history = [];
    this.#wasReady = false;
    this.#lastError = undefined;
    const ready = new Promise<void>((resolve, reject) => {
      this.#startWaiters.push({ ready: resolve, over: reject });
    });
    this.#launch();
    return ready;
  }

  /** Resolves when the thread is gone; politely if it is at work, at once after stopTimeoutMs. */
  stop(): Promise<void> {
    const phase = this.#phase;
    if (phase.state === 'stopped' || phase.state === 'failed') return Promise.resolve();
    const stopped = new Promise<void>((resolve) => this.#stopWaiters.push(resolve));
    if (phase.state === 'backing-off') this.#enter({ state: 'stopped' });
    if (phase.state === 'running') this.#stopPolitely(phase.thread);
    if (phase.state === 'starting') {
      this.#enter({ state: 'stopping', thread: phase.thread });
      phase.thread.kill('stopped before it was ready');
    }
    return stopped;
  }

  /** Kills the thread, if there is one; the restart policy decides what follows. */
  terminate(reason: string): void {
    if ('thread' in this.#phase) this.#phase.thread.kill(reason);
  }

  #launch(): void {
    this.#life++;
    const { pool, connect, logLevel, settings, faults } = this.#around;
    const { startTimeoutMs, heartbeatMs } = settings;
    const order = { spec: this.#spec, life: this.#life, connect, logLevel, heartbeatMs, faults };
    const thread = pool.start(order, () => this.#ready(thread));
    const timer = setTimeout(() => thread.kill(`not ready within ${startTimeoutMs} ms`), startTimeoutMs);
    this.#enter({ state: 'starting', thread, timer });
    void thread.ended.then((end) => this.#ended(end));
  }

  #ready(thread: ActorThread): void {
    if (this.#phase.state !== 'starting') return;
    this.#wasReady = true;
    const timer = watchHeartbeat(
      () => thread.beats(),
      this.#around.settings,
      (silentMs) => thread.kill(`no heartbeat for ${silentMs} ms`),
    );
    this.#enter({ state: 'running', thread, timer });
  }

  #stopPolitely(thread: ActorThread): void {
    const { stopTimeoutMs } = this.#around.settings;
    const timer = setTimeout(() => thread.kill(`not stopped within ${stopTimeoutMs} ms`), stopTimeoutMs);
    this.#enter({ state: 'stopping', thread, timer });
    thread.askToStop();
  }

  #ended(end: ThreadEnd): void {
    // A thread that a stop found not ready yet was killed, and that is as it should be.
    const expected = this.#phase.state === 'stopping' && this.#phase.timer === undefined;
    const error = 'failure' in end && !expected ? errorOf(end.failure) : undefined;
    if (error !== undefined) this.#lastError = error;
    if (this.#phase.state === 'stopping') this.#enter({ state: 'stopped' }, error);
    else if (!this.#mayRestart(error)) this.#enter({ state: error ? 'failed' : 'stopped' }, error);
    else if (error instanceof SetupError && !this.#wasReady) this.#giveUp(error);
    else this.#endedUnasked(error ?? new Error('the actor finished by itself'));
  }

  #mayRestart(error: Error | undefined): boolean {
    const { restart } = this.#spec;
    return restart === 'permanent' || (restart === 'transient' && error !== undefined);
  }

  #endedUnasked(error: Error): void {
    const { settings, isExcused } = this.#around;
    if (isExcused(this.#spec, error)) this.#relaunchIn(settings.backoffMs, error);
    else this.#backOff(error);
  }

  #backOff(error: Error): void {
    const { settings, clock } = this.#around;
    const decision = decideRestart(settings, this.#history, clock());
    if (decision.kind === 'giveUp') {
      this.#giveUp(error);
      return;
    }
    this.#history = decision.history;
    this.#relaunchIn(decision.waitMs, error);
  }

  #relaunchIn(waitMs: number, error: Error): void {
    const timer = setTimeout(() => void this.#relaunch(phase), waitMs);
    const phase: Phase = { state: 'backing-off', timer };
    this.#enter(phase, error);
  }

  async #relaunch(phase: Phase): Promise<void> {
    try {
      const spec = await this.#around.beforeRestart(this.#spec, this.#life + 1);
      if (this.#phase !== phase) return;
      this.#spec = spec;
      this.#restarts++;
      this.#launch();
    } catch (thrown) {
      if (this.#phase !== phase) return;
      this.#lastError = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#backOff(this.#lastError);
    }
  }

  #giveUp(error: Error): void {
    this.#enter({ state: 'failed' }, error);
    this.#around.gaveUp(this.name, error);
  }

  #enter(phase: Phase, error?: Error): void {
    if ('timer' in this.#phase) clearTimeout(this.#phase.timer);
    this.#phase = phase;
    if (phase.state === 'running') for (const waiter of this.#startWaiters.splice(0)) waiter.ready();
    if (this.isOver) this.#releaseWaiters(error);
    // Last, because a listener may well stop or start this very actor.
    this.#tell(phase.state, error);
  }

  #releaseWaiters(error: Error | undefined): void {
    const cause = error ?? new MillraceError('notReady', `${this.name} was stopped before it was ready`);
    for (const waiter of this.#startWaiters.splice(0)) waiter.over(cause);
    for (const stopped of this.#stopWaiters.splice(0)) stopped();
  }

  #tell(state: ActorState, error: Error | undefined): void {
    const { log, changed } = this.#around;
    const facts = { actor: this.name, life: this.#life };
    if (error === undefined) log.debug(facts, state);
    else if (state === 'failed') log.error({ ...facts, err: error }, 'given up');
    else log.warn({ ...facts, err: error }, state);
    const change = { name: this.name, kind: this.#spec.kind, state, life: this.#life };
    changed(error === undefined ? change : { ...change, reason: error.message });
  }
}
