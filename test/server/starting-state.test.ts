import t from 'tap';
import { definitionOf } from '../../config/fingerprint.ts';
import { SetupError } from '../../src/base/errors.ts';
import type { Manifest } from '../../src/checkpoint/store.ts';
import type { StreamState } from '../../src/nats/channel.ts';
import { checkDefinition, sayMissing, startingMarks } from '../../src/server/starting-state.ts';
import { sampleFacts } from '../checks/checkpoint-store.ts';
import { configOf } from '../learner/harness.ts';
import { silent } from '../shard/fixture.ts';

const created = '2026-11-01T00:00:00Z';
const stream = (more: Partial<StreamState> = {}): StreamState => ({
  firstSeq: 1,
  lastSeq: 100,
  messages: 100,
  bytes: 0,
  bytesMax: 0,
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
    () => checkDefinition('m', configOf({ ...config, partitions: 16, features: { bits: 9 } }), manifest),
    new SetupError(
      'model m: changed since version 3: features.bits (8 -> 9), partitions (8 -> 16); ' +
        'change it back, or start with --relearn to learn the stream again from its beginning',
    ),
  );
});
