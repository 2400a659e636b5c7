/**
 * What stands around an event's features in MessagePack: label, weight, time and id, without the rest of the object.
 * Like the features beside it (src/features/packed-features.ts) it reads plain cases, and leaves others alone.
 */
import { endOfValue, numberAt, shortAt, textFrom, textLength } from '../protocol/packed-values.ts';

export interface PackedEvent {
  /** Where the features are. */
  readonly features: number;
  readonly label: unknown;
  readonly weight: unknown;
  readonly time: unknown;
  readonly id: unknown;
}

/** Of a part that is neither a number, a boolean, nil nor a text of ASCII. */
const otherForm = Symbol('other form');

type Name = 'features' | 'label' | 'weight' | 'time' | 'id';
const namesByLength = new Map<number, { readonly name: Name; readonly bytes: Uint8Array }>(
  (['features', 'label', 'weight', 'time', 'id'] as const).map((name) => [
    name.length,
    { name, bytes: new TextEncoder().encode(name) },
  ]),
);

/** Undefined when the item must be decoded. The item is whole (itemsOf). */
export function packedEventAt(bytes: Uint8Array, view: DataView, start: number): PackedEvent | undefined {
  const head = bytes[start]!;
  const isShort = head >= 0x80 && head < 0x90;
  if (!isShort && head !== 0xde) return undefined;
  const event: Record<Name, unknown> = {
    features: undefined,
    label: undefined,
    weight: undefined,
    time: undefined,
    id: undefined,
  };
  let at = start + (isShort ? 1 : 3);
  for (let left = isShort ? head & 0x0f : shortAt(bytes, start + 1); left > 0; left--) {
    const length = textLength(bytes, at);
    if (length < 0) return undefined;
    const from = textFrom(bytes, at);
    const name = nameAt(bytes, from, length);
    at = from + length;
    if (name !== undefined) {
      const value = name === 'features' ? at : simpleValue(bytes, view, at);
      // Of a name that comes twice an object keeps the last.
      if (value === otherForm || event[name] !== undefined) return undefined;
      event[name] = value;
    }
    at = endOfValue(bytes, at);
  }
  return event.features === undefined ? undefined : (event as PackedEvent);
}

function nameAt(bytes: Uint8Array, from: number, length: number): Name | undefined {
  const known = namesByLength.get(length);
  if (known === undefined) return undefined;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== known.bytes[i]) return undefined;
  return known.name;
}

function simpleValue(bytes: Uint8Array, view: DataView, at: number): unknown {
  const head = bytes[at]!;
  if (head === 0xc0) return null;
  if (head === 0xc2 || head === 0xc3) return head === 0xc3;
  const length = textLength(bytes, at);
  if (length >= 0) return asciiText(bytes, textFrom(bytes, at), length);
  const number = numberAt(view, at);
  return Number.isNaN(number) ? otherForm : number;
}

function asciiText(bytes: Uint8Array, from: number, length: number): unknown {
  let text = '';
  for (let i = from; i < from + length; i++) {
    if (bytes[i]! >= 0x80) return otherForm;
    text += String.fromCharCode(bytes[i]!);
  }
  return text;
}
