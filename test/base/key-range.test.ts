import fc from 'fast-check';
import t from 'tap';
import { bytesOf, doublesOf, floatsOf, keysOf, shortsOf } from '../../src/base/bytes.ts';
import { keyRangeOf, rangeWidth } from '../../src/base/key-range.ts';

t.test('key range - the shards tile the keys, and a division finds the owner', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 5000 }), (shards, keyCount) => {
      let next = 0;
      for (let shard = 0; shard < shards; shard++) {
        const { start, end } = keyRangeOf(shard, shards, keyCount);
        if (start !== next || end < start) return false;
        for (const key of [start, end - 1]) {
          if (key >= start && key < end && Math.floor(key / rangeWidth(keyCount, shards)) !== shard)
            return false;
        }
        next = end;
      }
      return next === keyCount;
    }),
  );
});

t.test('bytes - typed arrays come back equal, from any offset', async () => {
  const shifted = (bytes: Uint8Array) => {
    const place = new Uint8Array(bytes.length + 1);
    place.set(bytes, 1);
    return place.subarray(1);
  };
  const bits = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 16 });
  fc.assert(
    fc.property(bits, (words) => {
      const keys = new Uint32Array(words);
      const bytes = shifted(bytesOf(keys));
      const same = (back: ArrayBufferView) => Buffer.compare(bytesOf(back), bytes) === 0;
      const whole = words.length % 2 === 0 ? same(doublesOf(bytes)) : true;
      return same(keysOf(bytes)) && same(floatsOf(bytes)) && same(shortsOf(bytes)) && whole;
    }),
  );
});

t.test('bytes - a view is seen alone, and what comes back is a copy', async (t) => {
  const floats = new Float32Array([1, 2, 3, 4]);
  const bytes = bytesOf(floats.subarray(1, 3));
  t.equal(bytes.length, 8);
  const copy = floatsOf(bytes);
  t.same([...copy], [2, 3]);
  floats[1] = 9;
  t.equal(copy[0], 2);
  t.same([...bytesOf(new Uint16Array([0x0102]))], [2, 1], 'little endian');
});
