/**
 * The hash of features and partitions: FNV-1a, 32 bits, over UTF-8 (Fowler, Noll, Vo; RFC 9923), so that it
 * can be fed piece by piece. Row keys take the finaliser of MurmurHash3 (Appleby) on top, because the low bits
 * of FNV-1a alone spread short strings unevenly.
 */
export const hashStart = 0x811c9dc5;
const prime = 0x01000193;

/** Bytes that no UTF-8 text contains: they part a path from what follows, so that "a=b" and a: "b" differ. */
export const separators = { value: 0xff, index: 0xfe, affix: 0xfd } as const;

export const hashByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, prime);

export function hashText(hash: number, text: string): number {
  let state = hash;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return hashUtf8(state, text, i);
    state = Math.imul(state ^ unit, prime);
  }
  return state;
}

/** The same over bytes of ASCII; undefined when there are others among them. */
export function hashAscii(hash: number, bytes: Uint8Array, from: number, to: number): number | undefined {
  let state = hash;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return undefined;
    state = Math.imul(state ^ byte, prime);
  }
  return state;
}

/** The rest of a text from its first character outside ASCII. A lone surrogate counts as U+FFFD, as TextEncoder has it. */
function hashUtf8(hash: number, text: string, from: number): number {
  let state = hash;
  for (const character of text.slice(from)) {
    let point = character.codePointAt(0)!;
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) {
      state = hashByte(state, point);
    } else if (point < 0x800) {
      state = hashByte(hashByte(state, 0xc0 | (point >> 6)), 0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      state = hashByte(state, 0xe0 | (point >> 12));
      state = hashByte(hashByte(state, 0x80 | ((point >> 6) & 0x3f)), 0x80 | (point & 0x3f));
    } else {
      state = hashByte(hashByte(state, 0xf0 | (point >> 18)), 0x80 | ((point >> 12) & 0x3f));
      state = hashByte(hashByte(state, 0x80 | ((point >> 6) & 0x3f)), 0x80 | (point & 0x3f));
    }
  }
  return state;
}

export function hashInteger(hash: number, value: number): number {
  let state = hash;
  for (let shift = 0; shift < 32; shift += 8) state = hashByte(state, (value >>> shift) & 0xff);
  return state;
}

/** MurmurHash3's 32-bit finaliser: every input bit reaches every output bit. */
export function finalize(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Hash of a cross of two features, in the order of the configuration. */
export const crossHash = (left: number, right: number): number => finalize(Math.imul(left, prime) ^ right);

/** FNV-1a of a whole text as an unsigned integer: what NATS servers call `partition()`. */
export const fnv1a = (text: string): number => hashText(hashStart, text) >>> 0;

/** Another hash of a text, unlike the first, so that both together tell texts apart as one of 64 bits would. */
export function secondHash(start: number, text: string): number {
  let state = Math.imul(start, 0x9e3779b1) ^ text.length;
  for (let i = 0; i < text.length; i++) {
    state = Math.imul(state ^ text.charCodeAt(i), 0x5bd1e995);
    state ^= state >>> 15;
  }
  return finalize(state);
}
