import fc from 'fast-check';
import t from 'tap';
import {
  decodeManifest,
  decodePointer,
  encodeManifest,
  encodePointer,
} from '../../src/checkpoint/manifest.ts';
import { seal } from '../../src/checkpoint/sealed-json.ts';
import type { Manifest } from '../../src/checkpoint/store.ts';
import { sampleFacts } from '../checks/checkpoint-store.ts';

const sample: Manifest = {
  format: 2,
  ...sampleFacts,
  version: 7,
  createdAt: '2026-11-02T09:00:00.000Z',
  shards: [
    { file: 'shard-001.bin', start: 0, end: 9, rows: 3, bytes: 120, sha256: '0'.repeat(64) },
    { file: 'shard-000.bin', start: 9, end: 16, rows: 0, bytes: 64, sha256: '1'.repeat(64) },
  ],
  base: { version: 5, sha256: '2'.repeat(64) },
  blobs: [{ name: 'seen-ids', file: 'blob-000.bin', bytes: 21, sha256: '3'.repeat(64) }],
};

const refusal = (changed: object) => {
  const decoded = decodeManifest(seal({ ...sample, totals: [], ...changed }));
  return decoded.kind === 'damaged' ? decoded.reason : 'accepted';
};

t.test('a manifest - is read as it was written, and is JSON', async (t) => {
  const { bytes, manifest } = encodeManifest(sample);
  t.strictSame(manifest, sample);
  t.strictSame(decodeManifest(bytes), { kind: 'value', value: sample });
  t.equal(JSON.parse(Buffer.from(bytes).toString()).content.version, 7);
});

t.test('totals - any float64 comes back exactly', async (t) => {
  const property = fc.property(fc.array(fc.double()), (totals) => {
    const { manifest } = encodeManifest({ ...sample, totals });
    t.ok(
      manifest.totals.length === totals.length && manifest.totals.every((x, i) => Object.is(x, totals[i])),
    );
  });
  fc.assert(property, { numRuns: 100 });
});

t.test('a definition - any JSON comes back as it was', async (t) => {
  const property = fc.property(fc.jsonValue(), (value) => {
    const definition = JSON.parse(JSON.stringify(value));
    t.strictSame(encodeManifest({ ...sample, definition }).manifest.definition, definition);
  });
  fc.assert(property, { numRuns: 100 });
});

t.test('damage - every flipped bit and every shortened manifest or pointer is refused', async (t) => {
  const pointer = encodePointer({ version: 12, skipTo: 345 });
  t.strictSame(decodePointer(pointer), { kind: 'value', value: { version: 12, skipTo: 345 } });
  for (const [bytes, decode] of [
    [encodeManifest(sample).bytes, decodeManifest],
    [pointer, decodePointer],
  ] as const) {
    let accepted = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      if (decode(changed).kind === 'value') accepted++;
    }
    for (let length = 0; length < bytes.length; length++) {
      if (decode(bytes.subarray(0, length)).kind === 'value') accepted++;
    }
    t.equal(accepted, 0);
  }
});

t.test('arbitrary bytes and JSON - are refused, and never crash the reader', async (t) => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.jsonValue().map((value) => seal(value)),
    fc.jsonValue().map((value) => seal({ ...sample, shards: value })),
  );
  const property = fc.property(bytes, (given) => {
    t.equal(decodeManifest(given).kind, 'damaged');
    t.equal(decodePointer(given).kind, 'damaged');
  });
  fc.assert(property, { numRuns: 300 });
  const deep = Buffer.from(seal(0)).toString();
  t.equal(decodeManifest(Buffer.from(deep.replace('0', '['.repeat(1e6)))).kind, 'damaged');
});

t.test('what a manifest says - is checked although its checksum is right', async (t) => {
  const [first, second] = sample.shards as [Manifest['shards'][0], Manifest['shards'][0]];
  t.equal(refusal({}), 'accepted');
  t.match(
    refusal({ format: 3 }),
    /^format 3 was written by a newer Millrace; this one reads up to format 2: read it with/,
  );
  t.match(refusal({ format: 3, more: 1 }), /newer/);
  t.match(refusal({ format: 0 }), /^format 0 is unknown; this Millrace reads formats 1 to 2/);
  t.match(refusal({ format: '1' }), /^format/);
  t.match(refusal({ more: 1 }), /more/);
  t.match(refusal({ version: 0 }), /^version/);
  t.match(refusal({ model: '../x' }), /^model/);
  t.match(refusal({ shards: [] }), /^shards/);
  t.match(refusal({ shards: [first] }), /end at key 9 of 16/);
  t.match(refusal({ shards: [second, first] }), /starts at key 9/);
  t.match(refusal({ shards: [{ ...first, file: '../../passwd' }, second] }), /^shards.0.file/);
  t.match(refusal({ shards: [first, { ...second, file: first.file }] }), /named twice/);
  t.match(refusal({ shards: [{ ...first, rows: 10 }, second] }), /10 rows for 9 keys/);
  t.match(refusal({ shards: [{ ...first, bytes: 119 }, second] }), /119 bytes where 3 rows take 120/);
});

t.test('blobs and base - are of format 2, and are checked', async (t) => {
  const [blob] = sample.blobs;
  t.match(refusal({ format: 1 }), /Unrecognized keys: "base", "blobs"/);
  t.match(refusal({ base: { version: 7, sha256: '2'.repeat(64) } }), /^base: .* not over 7/);
  t.match(refusal({ base: { version: 5 } }), /^base\.sha256/);
  t.match(refusal({ blobs: [blob, { ...blob, file: 'blob-001.bin' }] }), /^blobs: a name is there twice/);
  t.match(refusal({ blobs: [blob, { ...blob, name: 'other' }] }), /^blobs: a file is named twice/);
  t.match(
    refusal({ blobs: [{ ...blob, file: '../../etc/passwd' }] }),
    /^blobs\.0\.file: expected a name like/,
  );
  t.match(refusal({ blobs: [{ ...blob, name: 'a/b' }] }), /^blobs\.0\.name/);
  t.match(refusal({ blobs: [{ ...blob, bytes: 2 ** 25 + 1 }] }), /^blobs\.0\.bytes/);
});
