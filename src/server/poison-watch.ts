/**
 * Events that end a learner, or make it hang, again and again: noticed by what the dead life left on its work board,
 * kept where refused events are, and then passed over, which the log notes.
 */
import { MillraceError } from '../base/errors.ts';
import { rejectedEvent } from '../learner/batch-builder.ts';
import { eventsOf } from '../learner/events.ts';
import { keepRejected } from '../learner/rejected-log.ts';
import { WorkBoard, type WorkPlace } from '../learner/work-board.ts';
import type { LogEntry } from '../nats/channel.ts';
import type { Exclusion } from '../protocol/internal.ts';
import { keyOfSubject } from '../protocol/subjects.ts';
import type { ActorSpec } from '../runtime/actor.ts';
import { boardOf } from '../topology.ts';
import type { DeathNotes } from './death-notes.ts';
import { PoisonSearch, type SearchState, type Suspects } from './poison-search.ts';
import type { ModelLine } from './tell-actors.ts';

interface Found {
  readonly place: WorkPlace;
  readonly why: string;
}

/** What is to be done about learners that died with their process. */
export interface Recalled {
  /** For each learner. */
  readonly suspects: readonly Suspects[];
  readonly passOver: readonly Exclusion[];
  /** Once what is to be passed over stands in the log. */
  noted(): Promise<void>;
}

const noSuspects: Suspects = { from: 0, to: 0 };

export class PoisonWatch {
  readonly #line: ModelLine;
  readonly #failuresMax: number;
  /** By the learner's name. */
  readonly #searches = new Map<string, PoisonSearch>();
  readonly #found = new Map<string, Found>();

  constructor(line: ModelLine, failuresMax: number) {
    this.#line = line;
    this.#failuresMax = failuresMax;
  }

  /** An actor's thread is gone. True when that is a step of a search, which comes to an end by itself. */
  ended(spec: ActorSpec, error: Error): boolean {
    const buffer = boardOf(spec);
    return buffer !== undefined && this.#died(spec.name, buffer, error);
  }

  #died(learner: string, buffer: SharedArrayBuffer, error: Error): boolean {
    const { model, log } = this.#line;
    const search = this.#searches.get(learner) ?? new PoisonSearch(this.#failuresMax);
    this.#searches.set(learner, search);
    const board = new WorkBoard(buffer);
    const verdict = search.take(board);
    if (verdict.kind === 'giveUp') {
      const why = `given up: ${verdict.failures} lives of the learner did not get past it, the last one ended with "${error.message}"`;
      this.#found.set(learner, { place: verdict.place, why });
    }
    const { from, to } = verdict.kind === 'search' ? verdict.suspects : noSuspects;
    if (to > 0)
      log.warn({ model, learner, from, to }, 'learning message by message, to find what ends the learner');
    board.reset(from, to);
    return verdict.kind === 'giveUp' || search.isUnderWay;
  }

  /**
   * At a start: what the learners of an earlier process were at when that died. It died with all of them, so all are
   * careful at once with what they had taken up. What has ended it again and again is kept, and is to be passed over.
   */
  async recall(notes: DeathNotes, created: string): Promise<Recalled> {
    const { model, log } = this.#line;
    const known = await notes.searches();
    const suspects: Suspects[] = [];
    const searches: (SearchState | null)[] = [];
    const passOver: Exclusion[] = [];
    for (const [learner, board] of (await notes.boards()).entries()) {
      const before = known?.created === created ? known.searches[learner] : undefined;
      const search = new PoisonSearch(this.#failuresMax, before ?? undefined);
      const verdict = board && search.take(board);
      if (verdict?.kind === 'giveUp') {
        const why = `given up: ${verdict.failures} times the process died before it was learned, the last two times with it`;
        await this.#keep({ place: verdict.place, why });
        passOver.push({ kind: 'position', ...verdict.place });
      }
      const careful = verdict === undefined || verdict.kind === 'giveUp' ? noSuspects : verdict.suspects;
      suspects.push(careful);
      searches.push(verdict?.kind === 'giveUp' ? null : (search.state ?? null));
      if (careful.from < careful.to)
        log.warn(
          { model, learner, ...careful },
          'the process died while these were learned: now message by message',
        );
    }
    return { suspects, passOver, noted: () => notes.advance({ created, searches }) };
  }

  /** Keeps the event that was found to end this learner, if one was, then has it passed over. */
  async settle(learner: string, passOver: (place: WorkPlace) => Promise<void>): Promise<void> {
    const found = this.#found.get(learner);
    if (found === undefined) return;
    await this.#keep(found);
    await passOver(found.place);
  }

  async #keep(found: Found): Promise<void> {
    const { channel, subjects, model, log } = this.#line;
    log.error({ model, ...found.place, why: found.why }, 'an event is passed over from now on');
    const entry = await channel.entryAt(subjects.stream(model), found.place.seq);
    if (entry !== undefined) await keepRejected(channel, subjects, log, [rejectedOf(model, entry, found)]);
  }

  /** In another epoch everything begins anew. */
  reset(): void {
    this.#searches.clear();
    this.#found.clear();
  }
}

function rejectedOf(model: string, entry: LogEntry, { place, why }: Found) {
  const { seq, index } = place;
  const at = { seq, index: index ?? 0, timeMs: entry.timeMs, key: keyOfSubject(entry.subject) };
  const event = rejectedEvent(model, at, new MillraceError('internal', why), originalOf(entry, place));
  return index === undefined ? { ...event, whole: true } : event;
}

/** A message of which no event could be told apart is not looked into. */
function originalOf(entry: LogEntry, { index }: WorkPlace): unknown {
  if (index === undefined) return Buffer.from(entry.data).toString('base64');
  return eventsOf(entry, Number.POSITIVE_INFINITY)[index];
}
