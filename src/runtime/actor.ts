/**
 * The contract of an actor: one worker thread with a NATS connection of its own, started, watched and stopped
 * by the supervisor of its process. Lifecycle and guarantees: docs/runtime-semantics.md.
 */
import type { FaultPoints } from '../base/fault-points.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';

export const actorKinds = ['shard', 'learner', 'predictor', 'checkpointer', 'monitor'] as const;
export type ActorKind = (typeof actorKinds)[number];

/** What the topology says of one actor. Everything in it can be cloned to another thread. */
export interface ActorSpec<Settings = unknown> {
  /** Unique and readable: `flights/learner/0`, `monitor`. */
  readonly name: string;
  readonly kind: ActorKind;
  /** The thread's entry file, as a file: URL. */
  readonly entry: string;
  /** What the actor needs to know; may hold SharedArrayBuffers, which stay shared. */
  readonly settings: Settings;
  /** permanent: always restarted. transient: restarted after a failure only. temporary: never restarted. */
  readonly restart: 'permanent' | 'transient' | 'temporary';
}

export interface ActorContext<Settings> {
  readonly name: string;
  readonly settings: Settings;
  /** Rises with every start of this actor in this process, from 1; a fence against what an earlier life sent. */
  readonly life: number;
  readonly channel: Channel;
  readonly log: Logger;
  readonly faults: FaultPoints;
  /** The actor cannot go on: it is ended and restarted by its policy. Safe to call from any callback. */
  fail(error: unknown): void;
}

export interface RunningActor {
  /** Finishes what was taken on, then lets go of everything. Called at most once. */
  stop(): Promise<void>;
}

/** Resolves when the actor is ready for work; until then those that depend on it are not started. */
export type Actor<Settings> = (context: ActorContext<Settings>) => Promise<RunningActor>;
