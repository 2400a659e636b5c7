/** A state that is not what it must be; the message is the first difference. */
export class Difference extends Error {
  override readonly name = 'Difference';
}

export function must(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new Difference(message());
}

/** Bit for bit; says where the first difference is. */
export function sameNumbers(
  found: Float32Array | Float64Array,
  wanted: typeof found,
  what: (place: number) => string,
): void {
  const [one, other] = [bytesOf(found), bytesOf(wanted)];
  if (one.equals(other)) return;
  const place = Array.from(found).findIndex((number, at) => !Object.is(number, wanted[at]));
  throw new Difference(`${what(place)} is ${found[place]}, the loop has ${wanted[place]}`);
}

const bytesOf = (numbers: Float32Array | Float64Array): Buffer =>
  Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
