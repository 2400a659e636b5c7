/** The worked example of docs/edge-format.md, held against writer and reader. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { loadModel } from '../../edge/edge-model.ts';
import { edgeChunks, readEdge } from '../../edge/format.ts';
import { exportedFile, learned } from './exported.ts';

const document = readFileSync('docs/edge-format.md', 'utf8');

/** Lines of the block are `offset  bytes in hex  # what they are`; the header stands as the text that it is. */
function bytesOfExample(): Buffer {
  const parts: Buffer[] = [];
  const block = /```hex\n([\s\S]*?)```/.exec(document)![1]!;
  for (const line of block.trimEnd().split('\n')) {
    const [, offset, hex, text] =
      /^([0-9a-f]{4}) {2}(?:((?:[0-9a-f]{2} )*[0-9a-f]{2}) +#.*|"(.*)")$/.exec(line) ?? [];
    const at = parts.reduce((sum, part) => sum + part.length, 0);
    if (Number.parseInt(offset ?? '', 16) !== at) throw new Error(`not at ${at.toString(16)}: ${line}`);
    parts.push(hex === undefined ? Buffer.from(text!) : Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }
  return Buffer.concat(parts);
}

t.test('the example of the document - is what is written, and what is read', async (t) => {
  const model = learned({ optimizer: { name: 'sgd', learningRate: 0.5 }, features: { bits: 8 } }, [
    [{ page: 'home' }, 1],
  ]);
  const file = Buffer.from(await exportedFile(model, 'q2.13'));
  const example = bytesOfExample();
  t.equal(example.toString('latin1'), file.toString('latin1'));
  const parts = readEdge(example);
  t.strictSame([...parts.keys], [0x97, 0x100]);
  t.strictSame([...parts.weights], [0x800, 0x800]);
  t.equal(loadModel(example).predict({ page: 'home' }).rawScore, 0.5);
  t.equal(Buffer.concat([...edgeChunks(parts)]).toString('hex'), example.toString('hex'), 'and back again');
});
