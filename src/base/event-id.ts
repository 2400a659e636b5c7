/**
 * An event's id as 64 bits: FNV-1a (Fowler, Noll, Vo; RFC 9923) over UTF-8, as two halves, because JavaScript has
 * no 64-bit integers. Text is hashed as it is, a number as the byte 0xff, which no UTF-8 contains, and its decimal
 * digits: so 7 and "7" are two ids.
 *
 * Among N remembered ids a new one meets the hash of another with a chance of N / 2^64: 6e-14 for a million. Equal
 * hashes made on purpose are no danger beyond what every publisher has anyway: whoever knows an id may use it first.
 */

/** High and low half, each an unsigned 32-bit integer; two zeros mean: no id. */
export type IdHash = readonly [high: number, low: number];

export const noId: IdHash = [0, 0];

const start = { high: 0xcbf29ce4, low: 0x84222325 } as const;
/** The prime is 2^40 + 0x1b3. */
const primeLow = 0x1b3;
const numberMark = 0xff;
const encoder = new TextEncoder();

/** Texts and finite numbers are ids. Nothing else is one, nor is the empty text: it would make one of many events. */
export function idHashOf(id: unknown): IdHash {
  if (typeof id === 'string' && id !== '') return hashOf(encoder.encode(id));
  if (typeof id !== 'number' || !Number.isFinite(id)) return noId;
  return hashOf(Uint8Array.of(numberMark, ...encoder.encode(String(id))));
}

function hashOf(bytes: Uint8Array): IdHash {
  let { high: h, low: l } = start as { high: number; low: number };
  for (let i = 0; i < bytes.length; i++) {
    l = (l ^ bytes[i]!) >>> 0;
    const product = l * primeLow;
    h = (Math.imul(h, primeLow) + (l << 8) + Math.floor(product / 2 ** 32)) >>> 0;
    l = product >>> 0;
  }
  return h === 0 && l === 0 ? [0, 1] : [h, l];
}
