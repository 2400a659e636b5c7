import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { fullDiskWatch } from '../../../src/nats/embedded/full-disk.ts';
import { newLinesOf } from '../../../src/nats/embedded/log-tail.ts';
import { silent } from '../../shard/fixture.ts';

const refusal =
  "[7] 2026/11/25 02:10:03 [ERR] JetStream failed to store a msg on stream '$G > millrace_m': write 1.blk: no space left on device";
const mebibyte = 1024 * 1024;

t.test('a full disk - is said once, and the server started anew when there is room', async (t) => {
  const said: string[] = [];
  const log = {
    ...silent,
    error: (facts: object, sentence: string) => said.push(`${sentence} ${JSON.stringify(facts)}`),
    warn: (_facts: object, sentence: string) => said.push(sentence),
  };
  const disk = { lines: ['[INF] Server is ready'], free: 0, restarts: 0 };
  const look = fullDiskWatch({
    newLines: async () => disk.lines.splice(0),
    freeBytes: async () => disk.free,
    restart: async () => void disk.restarts++,
    log,
  });
  await look();
  t.strictSame(said, [], 'a small disk alone is no reason');
  disk.lines.push(refusal, '[INF] something else');
  await look();
  disk.lines.push(refusal);
  await look();
  t.match(said, [/no room to write.*no space left on device/]);
  disk.free = mebibyte;
  await look();
  t.equal(disk.restarts, 0, 'a little room is none');
  disk.free = 100 * mebibyte;
  await look();
  await look();
  t.equal(disk.restarts, 1);
  t.match(said, [/no room to write/, /room again/]);
});

t.test('new lines of a log - each is read once, also when the log is begun anew', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'log-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'server.log');
  const newLines = newLinesOf(path, 4);
  t.strictSame(await newLines(), [], 'no log yet');
  await writeFile(path, 'old\none\n');
  t.strictSame(await newLines(), ['old', 'one']);
  await appendFile(path, 'two\n');
  t.strictSame(await newLines(), ['two']);
  t.strictSame(await newLines(), []);
  await writeFile(path, 'new\n');
  t.strictSame(await newLines(), ['new']);
});
