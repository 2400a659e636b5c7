/**
 * Which event a learner is at, written before the event is touched into memory that outlives the thread. When a
 * thread ends, or hangs and is ended, whoever made the memory reads there what it was doing (src/server/poison-watch.ts).
 * At rest, which a learner is whenever it waits for somebody else, no event can be to blame.
 *
 * So that something is known when the whole process dies, the board is also kept in a file: before a batch is taken
 * up, and, while it goes message by message, at each step.
 */
import { type FaultPoint, type FaultPoints, noFaults } from '../base/fault-points.ts';

/** An event of the log, or a whole message when no event of it can be told apart. */
export interface WorkPlace {
  readonly seq: number;
  readonly index?: number;
}

/** Float64 each. `seq` 0: at rest; `index` -1: the whole message. */
const slots = { seq: 0, index: 1, doneTo: 2, takenTo: 3, suspectFrom: 4, suspectTo: 5 } as const;
const wholeMessage = -1;
export const boardBytes = Object.keys(slots).length * Float64Array.BYTES_PER_ELEMENT;

export const createBoardBuffer = (): SharedArrayBuffer => new SharedArrayBuffer(boardBytes);

export interface BoardOptions {
  readonly faults?: FaultPoints;
  /** Keeps the board as it is now, beyond the life of the process. */
  readonly keep?: (numbers: Float64Array) => void;
}

export class WorkBoard {
  readonly #numbers: Float64Array;
  readonly #faults: FaultPoints;
  readonly #keep: (numbers: Float64Array) => void;

  constructor(
    buffer: SharedArrayBuffer | ArrayBuffer = createBoardBuffer(),
    { faults = noFaults, keep = () => undefined }: BoardOptions = {},
  ) {
    this.#numbers = new Float64Array(buffer);
    this.#faults = faults;
    this.#keep = keep;
  }

  /** Messages up to this one are about to be looked at. */
  takeUp(seq: number): void {
    this.#numbers[slots.takenTo] = seq;
    this.#keep(this.#numbers);
  }

  begin(point: FaultPoint, seq: number, index = wholeMessage): void {
    this.#numbers[slots.seq] = seq;
    this.#numbers[slots.index] = index;
    if (this.isSuspect(seq)) this.#keep(this.#numbers);
    this.#faults.reach(point, seq, index);
  }

  rest(): void {
    const seq = this.#numbers[slots.seq]!;
    if (seq === 0) return;
    this.#numbers[slots.seq] = 0;
    if (this.isSuspect(seq)) this.#keep(this.#numbers);
  }

  /** Everything up to this sequence is in the parameters for good. */
  done(seq: number): void {
    this.#numbers[slots.doneTo] = seq;
  }

  /** The same, and nothing else is waiting to be learned. */
  settle(seq: number): void {
    this.done(seq);
    this.#keep(this.#numbers);
  }

  /** Undefined at rest. */
  get place(): WorkPlace | undefined {
    const [seq, index] = [this.#numbers[slots.seq]!, this.#numbers[slots.index]!];
    if (seq === 0) return undefined;
    return index === wholeMessage ? { seq } : { seq, index };
  }

  get doneTo(): number {
    return this.#numbers[slots.doneTo]!;
  }

  get takenTo(): number {
    return this.#numbers[slots.takenTo]!;
  }

  /** Suspects are learned one by one, because one of them may be what ended the learner. */
  isSuspect(seq: number): boolean {
    return seq > this.#numbers[slots.suspectFrom]! && seq <= this.#numbers[slots.suspectTo]!;
  }

  /** For the next life: at rest, and careful with what is behind `from`, up to `to`. */
  reset(from: number, to: number): void {
    this.#numbers.fill(0);
    this.#numbers[slots.suspectFrom] = from;
    this.#numbers[slots.suspectTo] = to;
  }
}
