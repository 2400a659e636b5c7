/**
 * Whether a model learns. An operator pauses it and lets it go on. Its guard stops it when the loss or the base rate of
 * late leaves the bounds that are set (`guard`), and then, too, only an operator lets it go on. What the guard has
 * stopped stays stopped when the process ends: a file says so, until an operator decides.
 */
import { doublesOf } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import { type Breach, type GuardBounds, GuardWindow } from '../monitor/guard-window.ts';
import { encode } from '../protocol/codec.ts';
import type { ShardReport } from '../protocol/internal.ts';
import type { GuardStop } from '../protocol/messages.ts';
import type { Supervisor } from '../runtime/supervisor.ts';
import type { GuardNotes } from './guard-notes.ts';
import { type ModelLine, tellLearners } from './tell-actors.ts';

export class LearningSwitch {
  readonly #line: ModelLine;
  readonly #supervisor: Supervisor;
  readonly #window: GuardWindow | undefined;
  readonly #notes: GuardNotes;
  #isOff = false;
  #stop: GuardStop | undefined;

  constructor(line: ModelLine, supervisor: Supervisor, guard: GuardBounds, notes: GuardNotes) {
    this.#line = line;
    this.#supervisor = supervisor;
    const { windowEvents: _window, ...bounds } = guard;
    this.#window = Object.values(bounds).some((bound) => bound !== undefined)
      ? new GuardWindow(guard)
      : undefined;
    this.#notes = notes;
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  get phase(): 'paused' | 'running' {
    return this.#isOff ? 'paused' : 'running';
  }

  /** Why the guard has stopped learning; undefined when it has not. */
  get stop(): GuardStop | undefined {
    return this.#stop;
  }

  /** At a start: off when the guard had stopped learning in an earlier one. */
  async restore(): Promise<void> {
    const { model, log } = this.#line;
    try {
      this.#stop = await this.#notes.read(model);
      this.#isOff = this.#stop !== undefined;
      if (this.#isOff) log.error({ model, ...this.#stop }, 'learning is stopped by the guard, as before');
    } catch (error) {
      log.error(
        { model, reason: messageOf(error) },
        'the note of the guard cannot be read; learning goes on',
      );
    }
  }

  /** `stop`: by the guard. */
  async turn(on: boolean, learners: readonly string[], epoch: number, stop?: GuardStop): Promise<void> {
    this.#isOff = !on;
    if (on) await this.forget();
    if (stop !== undefined) this.#say(stop);
    await tellLearners(this.#line, this.#supervisor, learners, epoch, !on);
    if (stop !== undefined) await this.#note(stop);
  }

  /** Takes the guard's stop back. */
  async forget(): Promise<void> {
    this.#stop = undefined;
    this.#window?.restart();
    await this.#notes.remove(this.#line.model);
  }

  /** What shard 0 reports, against the bounds; defined when learning is to be stopped for it. */
  judge({ epoch, seq, totals }: ShardReport): GuardStop | undefined {
    const breach = this.#window?.take(epoch, doublesOf(totals));
    // What is still learned on the way to the stop, and while it is stopped, is no part of the next window.
    if (this.#isOff || breach !== undefined) this.#window?.restart();
    if (this.#isOff || breach === undefined) return undefined;
    return { ...breach, epoch, seq, at: new Date().toISOString(), detail: detailOf(breach) };
  }

  #say(stop: GuardStop): void {
    const { channel, subjects, model, log } = this.#line;
    this.#stop = stop;
    log.error({ model, ...stop }, 'the guard stops learning');
    channel.publish(subjects.event('guard', model), encode({ model, ...stop }, 'json'));
  }

  async #note(stop: GuardStop): Promise<void> {
    const { model, log } = this.#line;
    try {
      await this.#notes.write(model, stop);
    } catch (error) {
      const reason = messageOf(error);
      log.error({ model, reason }, 'the next start will not know that the guard stopped learning');
    }
  }
}

const names = { averageLoss: 'the average loss', baseRate: 'the mean label' } as const;

function detailOf({ figure, bound, value, limit, events }: Breach): string {
  const side = bound === 'baseRateMin' ? 'below' : 'above';
  const shown = Number(value.toPrecision(4));
  return `${names[figure]} of the last ${events} events is ${shown}, ${side} guard.${bound} ${limit}`;
}
