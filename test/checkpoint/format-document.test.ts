/** The worked example of docs/checkpoint-format.md, read from the document and held against reader and writer. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { readShardFile, writeShardFile } from '../../src/checkpoint/shard-file.ts';
import { sampleFacts, sampleImages, writeVersion } from '../checks/checkpoint-store.ts';

const blockOf = (document: string, kind: string): string =>
  new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``).exec(document)?.[1] ?? '';

/** Lines of the block are `offset  bytes in hex  # what they are`. */
function bytesOfExample(
  document: string,
  kind: 'hex' | 'hex blob',
  t: { equal(found: number, wanted: number, message: string): void },
): Buffer {
  const block = blockOf(document, kind);
  const bytes: number[] = [];
  for (const line of block.trimEnd().split('\n')) {
    const [, offset, hex] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )*[0-9a-f]{2}) +#/.exec(line) ?? [];
    t.equal(Number.parseInt(offset ?? '', 16), bytes.length, line);
    for (const byte of (hex ?? '').split(' ')) bytes.push(Number.parseInt(byte, 16));
  }
  return Buffer.from(bytes);
}

t.test("the document's example - is what is written, and is read to what the document says", async (t) => {
  const document = await readFile(join(process.cwd(), 'docs/checkpoint-format.md'), 'utf8');
  const example = bytesOfExample(document, 'hex', t);
  const image = {
    start: 4,
    end: 8,
    rowWidth: 3,
    keys: new Uint32Array([4, 6, 7]),
    rows: new Float32Array([1, -2, 0.5, 0, 0.1, -0, 3, 100, Number.POSITIVE_INFINITY]),
  };
  const chunks: Uint8Array[] = [];
  const { bytes, sha256 } = await writeShardFile(image, async (chunk) => {
    chunks.push(chunk);
  });
  t.equal(Buffer.concat(chunks).toString('hex'), example.toString('hex'));
  const source = {
    size: example.length,
    read: async (to: Uint8Array, at: number) => example.copy(to, 0, at),
  };
  t.strictSame(await readShardFile(source), { kind: 'value', value: { ...image, bytes, sha256 } });
});

t.test("the document's blob - is the file and the manifest's entry of what is written", async (t) => {
  const document = await readFile(join(process.cwd(), 'docs/checkpoint-format.md'), 'utf8');
  const example = bytesOfExample(document, 'hex blob', t);
  const folder = t.testdir();
  const store = openFileStore({ folder, now: () => 0 });
  const blobs = { 'seen-ids': Uint8Array.from(example) };
  const manifest = await writeVersion(store, sampleImages, sampleFacts, blobs);
  const file = await readFile(join(folder, sampleFacts.model, '0000000001/blob-000.bin'));
  t.equal(file.toString('hex'), example.toString('hex'));
  t.strictSame(manifest.blobs, [JSON.parse(blockOf(document, 'json blob'))]);
});
