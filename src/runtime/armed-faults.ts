/**
 * Faults on order, for a process that was started to be broken (docs/chaos.md): the harness names a subject when
 * it starts the process, and then tells single threads over it where and how to fail. No other process listens.
 */
import { Socket } from 'node:net';
import type { FaultPoint, FaultPoints } from '../base/fault-points.ts';
import type { Channel } from '../nats/channel.ts';
import { decode, encode } from '../protocol/codec.ts';

/**
 * exit: the thread ends at that instruction. kill: the whole process does. hang: the thread stands still.
 * disconnect: its connections break. diskFull: the place fails as on a full disk.
 */
export type FaultAction = 'exit' | 'kill' | 'hang' | 'disconnect' | 'diskFull';

export interface FaultOrder {
  /** Absent: right now. */
  readonly point?: FaultPoint;
  /** At this message, or this event of it, only. */
  readonly at?: { readonly seq: number; readonly index?: number };
  readonly action: FaultAction;
  /** Times that the place is reached without harm before; 0 when absent. */
  readonly after?: number;
  /** How many times it happens; 1 when absent. */
  readonly times?: number;
  /** Of a hang; and how long what was sent before a `pass` has to arrive. */
  readonly holdMs?: number;
}

/** Can be cloned to another thread. */
export interface FaultSettings {
  /** Orders come on `SUBJECT.ACTOR`, slashes of the actor's name as dots, and on `SUBJECT.server`. */
  readonly subject: string;
  /** What the main thread is armed with before anything has started. */
  readonly armed: readonly FaultOrder[];
  /** What every life of an actor is armed with, by the actor's name. */
  readonly lives?: Readonly<Record<string, readonly FaultOrder[]>>;
}

/** From the environment of a process that the harness has started; undefined everywhere else. */
export function faultSettingsOf(
  environment: Readonly<Record<string, string | undefined>>,
): FaultSettings | undefined {
  const text = environment.MILLRACE_FAULTS;
  return text === undefined || text === '' ? undefined : (JSON.parse(text) as FaultSettings);
}

const exitCode = 70;
const holdMsByDefault = 50;

interface Armed {
  readonly order: FaultOrder;
  harmless: number;
  harmful: number;
}

export class ArmedFaults implements FaultPoints {
  readonly #armed: Armed[] = [];

  constructor(orders: readonly FaultOrder[] = []) {
    for (const order of orders) this.order(order);
  }

  /** Answers each order, so that the harness knows that it was heard before it goes on. */
  listen(channel: Channel, subject: string): void {
    channel.subscribe(subject, (message) => {
      const order = decode(message.data, undefined) as FaultOrder;
      message.respond(encode({ reached: this.#armed.length }, 'json'));
      // The answer has to leave before the thread stands still or is gone.
      void channel.flush().then(() => this.order(order));
    });
  }

  order(order: FaultOrder): void {
    if (order.point === undefined) act(order);
    else this.#armed.push({ order, harmless: order.after ?? 0, harmful: order.times ?? 1 });
  }

  reach(point: FaultPoint, seq?: number, index?: number): void {
    const order = this.#due(point, seq, index);
    if (order !== undefined) act(order);
  }

  pass(point: FaultPoint): Promise<void> | undefined {
    const order = this.#due(point);
    if (order === undefined) return undefined;
    return new Promise((resolve) => {
      setTimeout(() => {
        act(order);
        resolve();
      }, order.holdMs ?? holdMsByDefault);
    });
  }

  #due(point: FaultPoint, seq?: number, index?: number): FaultOrder | undefined {
    for (const armed of this.#armed) {
      if (armed.order.point !== point || armed.harmful === 0 || !isAt(armed.order, seq, index)) continue;
      if (armed.harmless > 0) {
        armed.harmless--;
        continue;
      }
      armed.harmful--;
      return armed.order;
    }
    return undefined;
  }
}

const isAt = ({ at }: FaultOrder, seq: number | undefined, index: number | undefined): boolean =>
  at === undefined || (at.seq === seq && (at.index === undefined || at.index === index));

function act({ action, holdMs = holdMsByDefault }: FaultOrder): void {
  switch (action) {
    case 'exit':
      process.exit(exitCode);
      break;
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      standStill(Number.POSITIVE_INFINITY);
      break;
    case 'hang':
      standStill(holdMs);
      break;
    case 'disconnect':
      disconnect();
      break;
    case 'diskFull':
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  }
}

/** No instruction of this thread runs meanwhile; nobody ever wakes it but time. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** As when the cable is pulled: both ends learn of it, and what was on the way is lost. */
function disconnect(): void {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): unknown[] };
  for (const handle of handles.call(process)) if (handle instanceof Socket) handle.destroy();
}
