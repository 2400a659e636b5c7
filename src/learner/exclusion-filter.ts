/**
 * Which events of the log are passed over. Depends on the entry and the list alone, so that learners and replays
 * agree. An excluded message is not decoded further than to count what is in it, and one that was given up as
 * poisonous not at all.
 */
import type { LogEntry } from '../nats/channel.ts';
import type { Exclusion } from '../protocol/internal.ts';
import { keyOfSubject } from '../protocol/subjects.ts';

interface FeatureRule {
  readonly name: string;
  /** Undefined: any value. */
  readonly value: string | undefined;
  readonly untilSeq: number;
}

const messageIdHeader = 'Nats-Msg-Id';

export class ExclusionFilter {
  /** Sequences of whole messages, and for others the indices in them. */
  readonly #messages = new Set<number>();
  readonly #positions = new Map<number, Set<number>>();
  readonly #ids = new Map<string, number>();
  readonly #keys = new Map<string, number>();
  readonly #features: FeatureRule[] = [];

  constructor(exclusions: readonly Exclusion[]) {
    for (const exclusion of exclusions) this.#add(exclusion);
  }

  /** The whole message is poisonous: nothing of it may be looked at. */
  isPoison({ seq }: Pick<LogEntry, 'seq'>): boolean {
    return this.#messages.has(seq);
  }

  /** Every event of this message is passed over. */
  coversMessage(entry: Pick<LogEntry, 'seq' | 'subject' | 'header'>): boolean {
    if (this.#messages.has(entry.seq)) return true;
    const key = keyOfSubject(entry.subject);
    if (this.#keys.size > 0 && key !== undefined && reaches(this.#keys.get(key), entry.seq)) return true;
    if (this.#ids.size === 0) return false;
    const id = entry.header(messageIdHeader);
    return id !== undefined && reaches(this.#ids.get(id), entry.seq);
  }

  /** Whether `coversEvent` looks at events, and not at their positions alone. */
  get readsEvents(): boolean {
    return this.#ids.size > 0 || this.#features.length > 0;
  }

  /** This event of a message is passed over; the item is as it was decoded, checked by nobody yet. */
  coversEvent(seq: number, index: number, item: unknown): boolean {
    if (this.#positions.get(seq)?.has(index)) return true;
    if (!this.readsEvents || typeof item !== 'object' || item === null) return false;
    const { id, features } = item as { id?: unknown; features?: unknown };
    if (typeof id === 'string' && reaches(this.#ids.get(id), seq)) return true;
    return this.#features.some((rule) => seq <= rule.untilSeq && hasFeature(features, rule.name, rule.value));
  }

  #add(exclusion: Exclusion): void {
    if (exclusion.kind === 'position') {
      const { seq, index } = exclusion;
      if (index === undefined) this.#messages.add(seq);
      else this.#positions.set(seq, (this.#positions.get(seq) ?? new Set()).add(index));
      return;
    }
    const { kind, value, untilSeq } = exclusion;
    if (kind === 'feature') this.#features.push({ ...nameAndValue(value), untilSeq });
    else {
      const known = kind === 'id' ? this.#ids : this.#keys;
      known.set(value, Math.max(untilSeq, known.get(value) ?? 0));
    }
  }
}

const reaches = (untilSeq: number | undefined, seq: number): boolean =>
  untilSeq !== undefined && seq <= untilSeq;

/** `name` or `name=value`; the first equals sign parts them. */
function nameAndValue(text: string): { name: string; value: string | undefined } {
  const at = text.indexOf('=');
  return at < 0 ? { name: text, value: undefined } : { name: text.slice(0, at), value: text.slice(at + 1) };
}

/** `user.age` is `age` in the namespace `user`, or a flat name with a dot, as the featurizer has it. */
function hasFeature(features: unknown, name: string, value: string | undefined): boolean {
  if (typeof features !== 'object' || features === null || Array.isArray(features)) return false;
  const record = features as Record<string, unknown>;
  if (Object.hasOwn(record, name) && isPresent(record[name], value)) return true;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const outer = name.slice(0, dot);
    if (Object.hasOwn(record, outer) && hasFeature(record[outer], name.slice(dot + 1), value)) return true;
  }
  return false;
}

/** In a bag each item is a value of the feature; numbers and booleans are compared as JSON writes them. */
function isPresent(found: unknown, value: string | undefined): boolean {
  if (found === null || found === undefined) return false;
  if (value === undefined) return true;
  if (Array.isArray(found)) return found.some((item) => String(item) === value);
  return typeof found !== 'object' && String(found) === value;
}
