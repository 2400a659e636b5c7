/**
 * One call of the client: the attempts that fit into its deadline, and the error it ends with.
 *
 * A call is repeated only when it is safe to: a prediction changes nothing, a publish carries a Msg-Id under
 * which the stream keeps one copy. Each attempt may use half of the time that is left, so that a lost message
 * leaves time for another. What is final (a bad input, an unknown model) ends the call at once. "Overloaded" is final
 * for a publish, whose stream is full, and passes for a prediction. Waits are spread at random, so that those who
 * were refused together do not come again together.
 *
 * The last attempt may be too short for an answer: what a server said before it then says more than silence.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type ErrorKind, MillraceError } from '../base/errors.ts';

export interface Attempts {
  readonly timeoutMs: number;
  /** Longest that one attempt may take, where an answer that is later than this does not come at all. */
  readonly attemptMs?: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Asked once, after the first 'notReady': throws when trying again cannot help. */
  readonly explain: () => Promise<void>;
  /** Kinds of errors after which it is tried again; 'notReady' and 'deadline' when absent. */
  readonly retried?: ReadonlySet<ErrorKind>;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

const attemptLeastMs = 1_000;
const backoffFirstMs = 20;
const backoffMostMs = 250;
const usuallyRetried: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['notReady', 'deadline']);

export async function attempt<T>(call: (timeoutMs: number) => Promise<T>, attempts: Attempts): Promise<T> {
  const { retried = usuallyRetried, random = Math.random } = attempts;
  const deadline = attempts.now() + attempts.timeoutMs;
  let backoffMs = backoffFirstMs;
  let explained = false;
  let said: MillraceError | undefined;
  for (;;) {
    const leftMs = Math.max(1, deadline - attempts.now());
    try {
      return await call(shareOf(leftMs, attempts.attemptMs));
    } catch (error) {
      if (!(error instanceof MillraceError) || !retried.has(error.kind)) throw error;
      // Silence has the client library's error as its cause, an answer has none.
      if (error.cause === undefined) said = error;
      if (error.kind === 'notReady' && !explained) {
        explained = true;
        await attempts.explain();
      }
      if (attempts.now() + backoffMs >= deadline) throw error.kind === 'deadline' ? (said ?? error) : error;
      await wait(backoffMs * (0.5 + random() / 2));
      backoffMs = Math.min(backoffMostMs, backoffMs * 2);
    }
  }
}

const shareOf = (leftMs: number, mostMs = Number.POSITIVE_INFINITY): number =>
  Math.ceil(Math.min(leftMs, mostMs, Math.max(leftMs / 2, attemptLeastMs)));
