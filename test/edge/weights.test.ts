import fc from 'fast-check';
import t from 'tap';
import { crc32 } from '../../edge/crc32.ts';
import { scaleOf, weightKinds } from '../../edge/weights.ts';

const { f16, 'q2.13': fixed } = weightKinds;

t.test('f16 - numbers of the standard, and every one of them there and back', async (t) => {
  const known: readonly (readonly [number, number])[] = [
    [0, 0x0000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [1 / 3, 0x3555],
  ];
  for (const [value, bits] of known) t.equal(f16.encode(value), bits, `${value}`);
  let wrong = 0;
  for (let bits = 0; bits < 0x7c00; bits++) if (f16.encode(f16.decode(bits)) !== bits) wrong++;
  for (let bits = 0x8001; bits < 0xfc00; bits++) if (f16.encode(f16.decode(bits)) !== bits) wrong++;
  t.equal(wrong, 0);
});

for (const [name, kind] of [
  ['f16', f16],
  ['q2.13', fixed],
] as const) {
  t.test(`${name} - rounds to the nearest, halves to even, within half a step`, async () => {
    const weight = fc.oneof(
      fc.double({ min: -kind.max, max: kind.max, noNaN: true }),
      fc.double({ min: -1e-3, max: 1e-3, noNaN: true }),
    );
    const property = fc.property(weight, (value) => {
      const stored = kind.encode(value);
      const error = Math.abs(kind.decode(stored) - value);
      const isNearest = [stored - 1, stored + 1].every(
        (other) =>
          !(Math.abs(kind.decode(other) - value) < error) ||
          Math.sign(kind.decode(other)) !== Math.sign(value),
      );
      return error <= kind.half(stored) && isNearest;
    });
    fc.assert(property, { numRuns: 2_000 });
    t.equal(fixed.encode(0.5 / 8192), 0);
    t.equal(fixed.encode(1.5 / 8192), 2);
    t.equal(fixed.encode(-2.5 / 8192), -2);
  });
}

t.test('scale - is the least power of two that lets the largest weight in', async (t) => {
  t.equal(scaleOf('q2.13', 0.1), 1);
  t.equal(scaleOf('q2.13', 32_767 / 8192), 1);
  t.equal(scaleOf('q2.13', 4), 2);
  t.equal(scaleOf('q2.13', 100), 32);
  t.equal(scaleOf('f16', 65_505), 2);
  t.equal(scaleOf('f64', 1e300), 1);
});

t.test('crc32 - is that of zlib, in one piece or in several', async (t) => {
  const bytes = new TextEncoder().encode('123456789');
  t.equal(crc32(bytes), 0xcbf43926);
  t.equal(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4))), 0xcbf43926);
  t.equal(crc32(new Uint8Array(0)), 0);
});
