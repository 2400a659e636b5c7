/**
 * Which event a learner is at, written before the event is touched into memory that outlives the thread. When a
 * thread ends, or hangs and is ended, whoever made the memory reads there what it was doing (src/server/poison-watch.ts).
 * At rest, which a learner is whenever it waits for somebody else, no event can be to blame.
 */
import { type FaultPoint, type FaultPoints, noFaults } from '../base/fault-points.ts';

/** An event of the log, or a whole message when no event of it can be told apart. */
export interface WorkPlace {
  readonly seq: number;
  readonly index?: number;
}

/** Float64 each. `seq` 0: at rest; `index` -1: the whole message. */
const slots = { seq: 0, index: 1, doneTo: 2, takenTo: 3, carefulTo: 4 } as const;
const wholeMessage = -1;

export const createBoardBuffer = (): SharedArrayBuffer =>
  new SharedArrayBuffer(Object.keys(slots).length * Float64Array.BYTES_PER_ELEMENT);

export class WorkBoard {
  readonly #numbers: Float64Array;
  readonly #faults: FaultPoints;

  constructor(buffer: SharedArrayBuffer = createBoardBuffer(), faults: FaultPoints = noFaults) {
    this.#numbers = new Float64Array(buffer);
    this.#faults = faults;
  }

  begin(point: FaultPoint, seq: number, index = wholeMessage): void {
    this.#numbers[slots.seq] = seq;
    this.#numbers[slots.index] = index;
    this.#faults.reach(point, seq, index);
  }

  rest(): void {
    this.#numbers[slots.seq] = 0;
  }

  /** Undefined at rest. */
  get place(): WorkPlace | undefined {
    const [seq, index] = [this.#numbers[slots.seq]!, this.#numbers[slots.index]!];
    if (seq === 0) return undefined;
    return index === wholeMessage ? { seq } : { seq, index };
  }

  /** Everything up to this sequence is in the parameters for good. */
  get doneTo(): number {
    return this.#numbers[slots.doneTo]!;
  }

  set doneTo(seq: number) {
    this.#numbers[slots.doneTo] = seq;
  }

  /** Last sequence that was taken up. */
  get takenTo(): number {
    return this.#numbers[slots.takenTo]!;
  }

  set takenTo(seq: number) {
    this.#numbers[slots.takenTo] = seq;
  }

  /** Messages up to here are learned one by one, because one of them may be what ended the learner. */
  isSuspect(seq: number): boolean {
    return seq <= this.#numbers[slots.carefulTo]!;
  }

  /** For the next life: at rest, and careful up to this sequence. */
  reset(carefulTo: number): void {
    this.#numbers.fill(0);
    this.#numbers[slots.carefulTo] = carefulTo;
  }
}
