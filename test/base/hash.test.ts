import fc from 'fast-check';
import t from 'tap';
import {
  crossHash,
  finalize,
  fnv1a,
  hashByte,
  hashInteger,
  hashStart,
  hashText,
} from '../../src/base/hash.ts';

/** FNV-1a over bytes as its authors wrote it down, on unsigned big integers. */
function fnvOfBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffff_ffffn;
  return Number(hash);
}

/** Any UTF-16, paired or not: what a JavaScript string may hold. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7f0, max: 0xe00f })))
    .map((units) => String.fromCharCode(...units)),
);

t.test('hash - FNV-1a gives the published values', async (t) => {
  const published: [string, number][] = [
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foo', 0xa9f37ed7],
    ['foobar', 0xbf9cf968],
    ['chongo was here!\n', 0xd49930d5],
  ];
  for (const [text, hash] of published) t.equal(fnv1a(text), hash, JSON.stringify(text));
});

t.test("hash - the finaliser gives MurmurHash3's published values", async (t) => {
  // MurmurHash3 of no bytes is the finaliser of its seed.
  t.equal(finalize(0), 0);
  t.equal(finalize(1), 0x514e28b7);
  t.equal(finalize(0xffff_ffff), 0x81f16f39);
  t.equal(finalize(-1), 0x81f16f39, 'signed and unsigned are one');
});

t.test('hash - a text counts as the bytes that TextEncoder makes of it', async (t) => {
  const encoder = new TextEncoder();
  fc.assert(fc.property(anyText, (text) => fnv1a(text) === fnvOfBytes(encoder.encode(text))));
  for (const text of [
    '\ud800',
    'a\udc00b',
    '\ud83d\ude00',
    '\ude00\ud83d',
    'é\ud800',
    '\u07ff\u0800\uffff',
  ]) {
    t.equal(fnv1a(text), fnvOfBytes(encoder.encode(text)), JSON.stringify(text));
  }
});

t.test('hash - pieces give what the whole gives', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (left, right) => {
      return hashText(hashText(hashStart, left), right) >>> 0 === fnv1a(left + right);
    }),
  );
  t.equal(hashByte(hashStart, 0x61) >>> 0, fnv1a('a'));
});

t.test('hash - an integer counts as four bytes, lowest first', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
      const bytes = new Uint8Array(new Uint32Array([value]).buffer);
      return hashInteger(hashStart, value) >>> 0 === fnvOfBytes(bytes);
    }),
  );
  t.equal(hashInteger(hashStart, 0) >>> 0, fnvOfBytes(new Uint8Array(4)));
});

t.test('hash - a cross depends on the order of its sides', async (t) => {
  t.not(crossHash(1, 2), crossHash(2, 1));
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (left, right) => {
      const hash = crossHash(left, right);
      return Number.isInteger(hash) && hash >= 0 && hash <= 0xffff_ffff;
    }),
  );
});

t.test('hash - the low bits of row keys spread evenly over short names', async (t) => {
  const buckets = new Uint32Array(256);
  const names = 25_600;
  for (let i = 0; i < names; i++) buckets[finalize(fnv1a(`f${i}`)) & 0xff]!++;
  const expected = names / buckets.length;
  const chiSquared = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 255 degrees of freedom: above 347 once in ten thousand times.
  t.ok(chiSquared < 347, `chi squared ${chiSquared.toFixed(0)}`);
});
