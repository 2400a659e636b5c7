import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { headerOffset, shardMagic } from '../../src/checkpoint/format.ts';
import { type ByteSource, readShardFile, writeShardFile } from '../../src/checkpoint/shard-file.ts';
import type { ShardImage } from '../../src/checkpoint/store.ts';
import { anyImages, plain, sampleImages } from '../checks/checkpoint-store.ts';

const encode = async (image: ShardImage): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  await writeShardFile(image, async (bytes) => {
    chunks.push(bytes);
  });
  return Buffer.concat(chunks);
};

const sourceOf = (bytes: Uint8Array): ByteSource => ({
  size: bytes.byteLength,
  read: async (target, position) => {
    const found = bytes.subarray(position, position + target.byteLength);
    target.set(found);
    return found.byteLength;
  },
});

const decode = (bytes: Uint8Array) => readShardFile(sourceOf(bytes));

/** The bytes with the right checksum at their end, so that only what stands before it can be refused. */
const sealed = (bytes: Buffer): Buffer => {
  const body = bytes.subarray(0, -32);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
};

const [sample] = sampleImages as [ShardImage];

t.test('a shard file - is read as it was written, to the bit', async (t) => {
  const property = fc.asyncProperty(anyImages, async (images) => {
    for (const image of images) {
      const read = await decode(await encode(image));
      t.equal(read.kind, 'value');
      if (read.kind === 'value') t.strictSame(plain(read.value), plain(image));
    }
  });
  await fc.assert(property, { numRuns: 50 });
});

t.test('a shard file - is written as views over the arrays it was given', async (t) => {
  const count = 3_000_000;
  const keys = Uint32Array.from({ length: count }, (_, i) => i);
  const rows = new Float32Array(new SharedArrayBuffer(4 * count)).fill(0.5);
  const chunks: Uint8Array[] = [];
  const image = { start: 0, end: count, rowWidth: 1, keys, rows };
  const { bytes } = await writeShardFile(image, async (chunk) => {
    chunks.push(chunk);
  });
  const copied = chunks.filter(({ buffer }) => buffer !== keys.buffer && buffer !== rows.buffer);
  const copiedBytes = copied.reduce((sum, { byteLength }) => sum + byteLength, 0);
  t.ok(copiedBytes < 128, `${copiedBytes} of ${bytes} bytes are not views`);
  const read = await decode(Buffer.concat(chunks));
  t.ok(read.kind === 'value' && Buffer.from(read.value.rows.buffer).equals(Buffer.from(rows.buffer)));
});

t.test('damage - every flipped bit and every shortened or lengthened file is refused', async (t) => {
  const bytes = await encode(sample);
  let accepted = 0;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    if ((await decode(changed)).kind === 'value') accepted++;
  }
  for (let length = 0; length < bytes.length; length++) {
    if ((await decode(bytes.subarray(0, length))).kind === 'value') accepted++;
  }
  for (const more of [1, 8, 32]) {
    if ((await decode(Buffer.concat([bytes, Buffer.alloc(more)]))).kind === 'value') accepted++;
  }
  t.equal(accepted, 0);
});

t.test('damage - a flipped bit does not pass for the work of a newer Millrace', async (t) => {
  const bytes = await encode(sample);
  bytes.writeUInt32LE(2, headerOffset.format);
  t.match(await decode(bytes), { kind: 'damaged', reason: /checksum/ });
  t.match(await decode(sealed(bytes)), {
    kind: 'damaged',
    reason: /^format 2 was written by a newer Millrace/,
  });
  bytes.writeUInt32LE(0, headerOffset.format);
  t.match(await decode(sealed(bytes)), { kind: 'damaged', reason: /^format 0 is unknown/ });
});

t.test('a crafted file - is refused although its checksum is right', async (t) => {
  const good = await encode(sample);
  const crafted = async (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(good);
    change(bytes);
    return decode(sealed(bytes));
  };
  t.match(await decode(sealed(good)), { kind: 'value' });
  const cases: [RegExp, (bytes: Buffer) => void][] = [
    [/MILLRACE/, (bytes) => bytes.write('N')],
    [/reserved/, (bytes) => bytes.writeUInt32LE(1, headerOffset.reserved)],
    [/bytes long/, (bytes) => bytes.writeUInt32LE(4, headerOffset.count)],
    [/bytes long/, (bytes) => bytes.writeUInt32LE(0, headerOffset.rowWidth)],
    [/before its start/, (bytes) => bytes.writeUInt32LE(9, headerOffset.start)],
    [/before the range's start 1/, (bytes) => bytes.writeUInt32LE(1, headerOffset.start)],
    [/past the range's end 7/, (bytes) => bytes.writeUInt32LE(7, headerOffset.end)],
    [/key 0 follows key 0/, (bytes) => bytes.writeUInt32LE(0, 36)],
    [/padding/, (bytes) => bytes.writeUInt8(1, 44)],
    [/padding/, (bytes) => bytes.writeUInt8(1, 87)],
  ];
  for (const [reason, change] of cases)
    t.match(await crafted(change), { kind: 'damaged', reason }, String(reason));
});

t.test('a crafted header - allocates nothing that the file does not hold', async (t) => {
  const good = await encode(sample);
  for (const [count, rowWidth] of [
    [0xffff_ffff, 0xffff_ffff],
    [0x1000_0000, 1],
    [1, 0x4000_0000],
    [0x8000_0000, 2],
  ] as const) {
    good.writeUInt32LE(count, headerOffset.count);
    good.writeUInt32LE(rowWidth, headerOffset.rowWidth);
    const before = process.memoryUsage().arrayBuffers;
    t.match(await decode(sealed(good)), { kind: 'damaged', reason: /bytes long/ });
    t.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
  }
});

t.test('arbitrary bytes - are refused, and never crash the reader', async (t) => {
  const body = fc.uint8Array({ maxLength: 400 });
  const property = fc.asyncProperty(body, fc.boolean(), async (bytes, disguised) => {
    const disguise = Buffer.concat([shardMagic, new Uint8Array([1, 0, 0, 0]), bytes, new Uint8Array(32)]);
    t.equal((await decode(disguised ? sealed(disguise) : bytes)).kind, 'damaged');
  });
  await fc.assert(property, { numRuns: 300 });
});

t.test('a source that ends early - is damage', async (t) => {
  const bytes = await encode(sample);
  for (const end of [10, 40, 60, bytes.length - 1]) {
    const source = { ...sourceOf(bytes.subarray(0, end)), size: bytes.length };
    t.match(await readShardFile(source), { kind: 'damaged', reason: /ended while it was read/ });
  }
});
