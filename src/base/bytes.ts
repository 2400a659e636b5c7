/** Typed arrays as bytes and back, little endian as every platform that Node 20 runs on. */

export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Copies, because bytes out of a message are rarely aligned for wider elements. */
function alignedCopy(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}

export const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(alignedCopy(bytes));
export const doublesOf = (bytes: Uint8Array): Float64Array => new Float64Array(alignedCopy(bytes));
export const keysOf = (bytes: Uint8Array): Uint32Array => new Uint32Array(alignedCopy(bytes));
export const shortsOf = (bytes: Uint8Array): Uint16Array => new Uint16Array(alignedCopy(bytes));
