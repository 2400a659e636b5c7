/**
 * Where MessagePack values end, without decoding them. Knows the forms that events are made of; whatever else there is
 * (binary, extensions, 64-bit integers, lengths of 32 bits, deep nesting) and what is cut short is `unknownForm`:
 * whoever meets it decodes the message instead.
 */
export const unknownForm = -1;

const depthMax = 32;

/** First byte behind the value at `at`; it may lie behind the end of the bytes when the last value is cut short. */
export function endOfValue(bytes: Uint8Array, at: number, depth = 0): number {
  if (at >= bytes.length || depth > depthMax) return unknownForm;
  const head = bytes[at]!;
  if (head < 0x80 || head >= 0xe0) return at + 1;
  if (head < 0x90) return endOfMap(bytes, at + 1, head & 0x0f, depth);
  if (head < 0xa0) return endOfValues(bytes, at + 1, head & 0x0f, depth);
  if (head < 0xc0) return at + 1 + (head & 0x1f);
  switch (head) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return at + 1;
    case 0xcc: // uint 8
    case 0xd0: // int 8
      return at + 2;
    case 0xcd: // uint 16
    case 0xd1: // int 16
      return at + 3;
    case 0xca: // float 32
    case 0xce: // uint 32
    case 0xd2: // int 32
      return at + 5;
    case 0xcb: // float 64
      return at + 9;
    case 0xd9: // str 8
      return at + 2 + (bytes[at + 1] ?? 0);
    case 0xda: // str 16
      return at + 3 + shortAt(bytes, at + 1);
    case 0xdc: // array 16
      return endOfValues(bytes, at + 3, shortAt(bytes, at + 1), depth);
    case 0xde: // map 16
      return endOfMap(bytes, at + 3, shortAt(bytes, at + 1), depth);
    default:
      return unknownForm;
  }
}

function endOfValues(bytes: Uint8Array, start: number, count: number, depth: number): number {
  let at = start;
  for (let i = 0; i < count; i++) {
    at = endOfValue(bytes, at, depth + 1);
    if (at === unknownForm) return unknownForm;
  }
  return at;
}

/** Names are texts; others are left to the decoder. */
function endOfMap(bytes: Uint8Array, start: number, count: number, depth: number): number {
  let at = start;
  for (let i = 0; i < count; i++) {
    const length = textLength(bytes, at);
    if (length < 0) return unknownForm;
    at = endOfValue(bytes, textFrom(bytes, at) + length, depth + 1);
    if (at === unknownForm) return unknownForm;
  }
  return at;
}

export const shortAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** The number at `at`; NaN where there is none. */
export function numberAt(view: DataView, at: number): number {
  const head = view.getUint8(at);
  if (head < 0x80) return head;
  if (head >= 0xe0) return head - 0x100;
  switch (head) {
    case 0xca:
      return view.getFloat32(at + 1);
    case 0xcb:
      return view.getFloat64(at + 1);
    case 0xcc:
      return view.getUint8(at + 1);
    case 0xcd:
      return view.getUint16(at + 1);
    case 0xce:
      return view.getUint32(at + 1);
    case 0xd0:
      return view.getInt8(at + 1);
    case 0xd1:
      return view.getInt16(at + 1);
    case 0xd2:
      return view.getInt32(at + 1);
    default:
      return Number.NaN;
  }
}

/** Bytes of the text at `at`; -1 where there is none. They begin at `textFrom`. */
export function textLength(bytes: Uint8Array, at: number): number {
  const head = bytes[at] ?? 0;
  if (head >= 0xa0 && head < 0xc0) return head & 0x1f;
  if (head === 0xd9) return bytes[at + 1] ?? 0;
  return head === 0xda ? shortAt(bytes, at + 1) : -1;
}

export const textFrom = (bytes: Uint8Array, at: number): number =>
  at + (bytes[at]! < 0xc0 ? 1 : bytes[at] === 0xd9 ? 2 : 3);

/**
 * The items of a message: those of its array, or the one that it is. Their starts go into `starts`, and one more, the
 * end. Returns how many there are; `unknownForm` when the message must be decoded.
 */
export function itemsOf(bytes: Uint8Array, starts: Uint32Array): number {
  const [count, first] = arrayAt(bytes);
  if (count >= starts.length) return unknownForm;
  let at = first;
  for (let item = 0; item < count; item++) {
    starts[item] = at;
    at = endOfValue(bytes, at, 1);
    if (at === unknownForm) return unknownForm;
  }
  starts[count] = at;
  return at === bytes.length ? count : unknownForm;
}

/** Length of the array at the beginning, and where its first item is; one item at 0 when it is none. */
function arrayAt(bytes: Uint8Array): readonly [count: number, first: number] {
  const head = bytes[0] ?? 0;
  if (head >= 0x90 && head < 0xa0) return [head & 0x0f, 1];
  if (head === 0xdc) return [shortAt(bytes, 1), 3];
  return [1, 0];
}
