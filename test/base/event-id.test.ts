import fc from 'fast-check';
import t from 'tap';
import { idHashOf } from '../../src/base/event-id.ts';

/** FNV-1a as its authors wrote it down, on big integers. */
function fnv64(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffff_ffff_ffff_ffffn;
  return hash;
}

const whole = (id: unknown): bigint => {
  const [high, low] = idHashOf(id);
  return (BigInt(high) << 32n) | BigInt(low);
};
const utf8 = (text: string) => new TextEncoder().encode(text);

t.test('id hash - FNV-1a of 64 bits over UTF-8, whatever the text', async (t) => {
  t.equal(whole('a'), 0xaf63dc4c8601ec8cn, 'a published value');
  t.equal(whole('foobar'), 0x85944171f73967e8n, 'another');
  const anyText = fc.string({ unit: 'binary', minLength: 1 });
  fc.assert(fc.property(anyText, (text) => whole(text) === fnv64(utf8(text))));
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      return whole(number) === fnv64(Uint8Array.of(0xff, ...utf8(String(number))));
    }),
  );
});

t.test('id hash - what is no id has none, and a number is not its digits', async (t) => {
  for (const no of [undefined, null, '', Number.NaN, Number.POSITIVE_INFINITY, true, {}, [], ['a']])
    t.same(idHashOf(no), [0, 0], `${JSON.stringify(no)} is no id`);
  t.not(whole(7), whole('7'));
  t.equal(whole(7), whole(7.0));
});
