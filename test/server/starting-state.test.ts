import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { definitionOf } from '../../config/fingerprint.ts';
import { SetupError } from '../../src/base/errors.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import type { Manifest } from '../../src/checkpoint/store.ts';
import type { StreamState } from '../../src/nats/channel.ts';
import {
  checkDefinition,
  newestGoodVersion,
  sayMissing,
  startingMarks,
} from '../../src/server/starting-state.ts';
import { sampleFacts } from '../checks/checkpoint-store.ts';
import { configOf } from '../learner/harness.ts';
import { silent } from '../shard/fixture.ts';

const created = '2026-11-01T00:00:00Z';
const stream = (more: Partial<StreamState> = {}): StreamState => ({
  firstSeq: 1,
  lastSeq: 100,
  messages: 100,
  bytes: 0,
  created,
  ...more,
});
const manifestWith = (marks: number[]): Manifest => ({
  ...sampleFacts,
  format: 2,
  version: 3,
  createdAt: created,
  shards: [],
  blobs: [],
  stream: { name: 's', created, marks },
});

t.test("marks - are the version's own, or the end of what is left out", async (t) => {
  t.strictSame(Array.from(startingMarks([40, 60], 0, undefined)), [40, 60]);
  t.strictSame(Array.from(startingMarks([40, 60], 50, undefined)), [50, 60]);
});

t.test('marks - go no further than the log still is what was learned', async (t) => {
  const regression = { kind: 'regrown', agreesTo: 50, lost: [51, 60] } as const;
  t.strictSame(Array.from(startingMarks([40, 60], 0, regression)), [40, 50]);
  t.strictSame(Array.from(startingMarks([40, 40], 60, regression)), [50, 50]);
});

t.test('a stream that begins above a mark - is said to miss what was never learned', async (t) => {
  const saidOf = (state: StreamState) => {
    const errors: string[] = [];
    const log = { ...silent, error: (_facts: object, sentence: string) => errors.push(sentence) };
    sayMissing('m', Float64Array.of(40, 60), state, log);
    return errors;
  };
  t.strictSame(saidOf(stream({ firstSeq: 41 })), [], 'purged as far as it may');
  t.match(saidOf(stream({ firstSeq: 42 })), [/never learned/]);
});

t.test('a definition - may change where rows keep their meaning; else it is refused by path', async (t) => {
  const config = configOf({ optimizer: { name: 'ftrl', alpha: 0.1 } });
  const manifest = { ...manifestWith([1]), definition: definitionOf(config) };
  t.doesNotThrow(() => checkDefinition('m', config, manifest));
  t.doesNotThrow(() => checkDefinition('m', configOf({ optimizer: { name: 'ftrl', alpha: 0.2 } }), manifest));
  t.doesNotThrow(() =>
    checkDefinition('m', { ...config, actors: { shards: 5, learners: 1, predictors: 1 } }, manifest),
  );
  t.throws(
    () => checkDefinition('m', configOf({ partitions: 16, features: { bits: 9 } }), manifest),
    new SetupError(
      'model m: changed since version 3: features.bits (8 -> 9), partitions (8 -> 16); ' +
        'change it back, or start with --relearn to learn the stream again from its beginning',
    ),
  );
});

t.test("the version to start from - is the pointer's, or the newest good one before it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'starting-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = openFileStore({ folder, now: () => 0 });
  for (let version = 1; version <= 4; version++) {
    const writer = await store.begin('m');
    const [start, end, rowWidth] = [0, sampleFacts.keyCount, sampleFacts.rowWidth];
    const rows = new Float32Array(rowWidth).fill(version);
    await writer.addShard({ start, end, rowWidth, keys: Uint32Array.of(0), rows });
    await writer.commit({ ...sampleFacts, model: 'm' });
  }
  const versionOf = async (wanted: number) =>
    (await newestGoodVersion(store, 'm', wanted, silent))?.manifest.version;
  t.equal(await versionOf(0), undefined, 'the empty model');
  t.equal(await versionOf(3), 3, 'not a newer one than the pointer names');
  const spoil = (version: number) => {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const file = names.find((name) => /shard/.test(name) && new RegExp(`0*${version}/`).test(name))!;
    const path = join(folder, file);
    const data = readFileSync(path);
    data[data.length - 9]! ^= 1;
    writeFileSync(path, data);
  };
  spoil(3);
  const stored = await newestGoodVersion(store, 'm', 3, silent);
  t.equal(stored?.manifest.version, 2);
  t.equal(stored?.images[0]?.rows[0], 2);
  spoil(2);
  spoil(1);
  await t.rejects(versionOf(3), { name: 'SetupError', message: /no version can be read/ });
  t.equal(await versionOf(4), 4);
});
