import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { loadConfig, parseConfig } from '../../config/load.ts';
import { infer } from '../../src/cli/infer.ts';
import { configText, learnArguments } from '../../src/cli/proposed-config.ts';
import { ColumnCounter } from '../../src/formats/column-facts.ts';
import type { FileRecord } from '../../src/formats/row.ts';
import { inProcess } from './command-line.ts';

const rows = <T>(count: number, of: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => of(index));
const csv = (records: readonly FileRecord[]): string =>
  [Object.keys(records[0]!), ...records.map((record) => Object.values(record))]
    .map((cells) => cells.join(','))
    .join('\n');

function proposalOf(records: readonly FileRecord[], label: string, positive?: string) {
  const counter = new ColumnCounter();
  for (const record of records) counter.add(record);
  return infer(counter.facts(), counter.rows, label, positive);
}

t.test('init - any table gives a config that is right, or an error that says why not', async (t) => {
  const cell = fc.oneof(
    fc.integer({ min: -5, max: 5 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 2 }),
  );
  const name = fc.string({ minLength: 1, unit: 'grapheme' });
  const table = fc.array(fc.dictionary(name, cell, { noNullPrototype: true }), {
    minLength: 1,
    maxLength: 30,
  });
  const label = fc.oneof(fc.integer({ min: 0, max: 1 }), fc.double({ min: -1e9, max: 1e9, noNaN: true }));
  let proposed = 0;
  await fc.assert(
    fc.asyncProperty(table, fc.array(label, { minLength: 30, maxLength: 30 }), async (records, labels) => {
      const labelled = records.map((record, index) => ({ ...record, 'the label': labels[index] }));
      try {
        const proposal = proposalOf(labelled, 'the label');
        proposed += 1;
        parseConfig(configText('model', proposal, 'a\nfile', records.length), 'proposed');
        learnArguments(proposal);
      } catch (error) {
        if ((error as Error).message.match(/no column is left|nothing to learn/) === null) throw error;
      }
    }),
    { numRuns: 300 },
  );
  t.ok(proposed > 100, `${proposed} configs were right`);
});

t.test('init - ids, constants and times are no features, codes are categorical', async (t) => {
  const records = rows(200, (index) => ({
    row_id: index + 1000,
    session: `s${index}`,
    created_at: `2024-01-01 00:${String(index % 60).padStart(2, '0')}:00`,
    source: 'web',
    store_id: 10 + (index % 7),
    price: index * 1.5,
    colour: index % 3 === 0 ? 'red' : 'blue',
    bought: index % 5 === 0 ? 'yes' : 'no',
  }));
  const proposal = proposalOf(records, 'bought');
  t.match(proposal.label, { task: 'binary', positive: 'yes', share: 0.2 });
  t.equal(proposal.id, 'row_id');
  t.equal(proposal.time, 'created_at');
  t.same(proposal.dropped, [
    { name: 'row_id', why: 'different in every row' },
    { name: 'session', why: 'different in every row' },
    { name: 'source', why: 'the same in every row' },
  ]);
  t.same(proposal.categorical, ['store_id']);
  t.same(
    proposal.features.map(({ name }) => name),
    ['store_id', 'price', 'colour'],
  );
  t.equal(
    learnArguments(proposal),
    '--label bought --positive yes --id row_id --time created_at --drop session,source --categorical store_id',
  );
});

t.test('init - a word that ends in "id" is no id', async (t) => {
  const records = rows(100, (index) => ({
    paid: index % 9,
    userId: index % 9,
    orderId: index,
    y: index % 2,
  }));
  const proposal = proposalOf(records, 'y');
  t.same(proposal.categorical, ['userId']);
  t.equal(proposal.id, 'orderId');
});

t.test('init - what a label means', async (t) => {
  const labelOf = (values: readonly unknown[], positive?: string) =>
    proposalOf(
      rows(100, (index) => ({ x: index % 9, y: values[index % values.length] })),
      'y',
      positive,
    ).label;
  t.match(labelOf([0, 1, 1]), { task: 'binary', positive: undefined });
  t.match(labelOf([true, false]), { task: 'binary', positive: undefined, share: 0.5 });
  t.match(labelOf(['a', 'a', 'b']), { task: 'binary', positive: 'b', why: /the rarer one/ });
  t.match(labelOf(['DOWN', 'UP', 'UP']), { task: 'binary', positive: 'UP' });
  t.match(labelOf([-1, 1]), { task: 'binary', positive: '1' });
  t.match(labelOf(['a', 'b', 'c'], 'c'), { task: 'binary', positive: 'c', share: 0.33 });
  t.match(labelOf([1, 2, 3]), { task: 'regression' });
  t.throws(() => labelOf(['a', 'b', 'c']), /3 classes .*--positive VALUE/);
  t.throws(() => labelOf(['a', 'b'], 'c'), /never "c"; it has a, b/);
  t.throws(() => labelOf([1]), /nothing to learn/);
  t.throws(() => labelOf([null]), /there is no column "y"/);
});

t.test('init - writes a config with comments and prints commands that work with it', async (t) => {
  const records = rows(100, (index) => ({
    id: `u${index}`,
    size: index / 10,
    'the colour': index % 2 ? 'red' : 'blue',
    y: index * 2.5,
  }));
  const folder = t.testdir({ 'my data.csv.gz': gzipSync(csv(records)) });
  const out = join(folder, 'made.json');
  const from = join(folder, 'my data.csv.gz');
  const outcome = await inProcess(['init', '--from', from, '--label', 'y', '--out', out, '--json']);
  t.equal(outcome.code, 0, outcome.stderr);
  const facts = JSON.parse(outcome.stdout);
  t.match(facts, {
    model: 'my-data',
    rows: 100,
    id: 'id',
    features: ['size', 'the colour'],
    label: { task: 'regression' },
  });
  t.match(facts.commands, [
    /^millrace serve --config /,
    /^millrace learn my-data '.*my data\.csv\.gz' --label y --id id$/,
    'millrace predict my-data \'{"size":0,"the colour":"blue"}\'',
  ]);
  t.match(loadConfig(out).models['my-data'], {
    task: 'regression',
    optimizer: { name: 'nag' },
  });
  t.match(
    readFileSync(out, 'utf8'),
    /\/\/ Made by `millrace init` from my data\.csv\.gz; 100 rows were looked at\./,
  );
});

t.test('init - events as on the wire need no label', async (t) => {
  const lines = rows(50, (index) =>
    JSON.stringify({ features: { n: index % 4, c: 'xyz'[index % 3] }, label: index % 2 }),
  );
  const folder = t.testdir({ 'clicks.jsonl': lines.join('\n') });
  const out = join(folder, 'made.json');
  const outcome = await inProcess(['init', '--from', join(folder, 'clicks.jsonl'), '--out', out]);
  t.match(
    outcome.stdout,
    /label: label has two values, 0 and 1 \(binary\)[\s\S]*millrace learn clicks \S*clicks\.jsonl\n/,
  );
  t.same(Object.keys(loadConfig(out).models), ['clicks']);
});

const airlines = '../shared/data/airlines/allyears2k.csv.gz';
t.test('init - real data', { skip: existsSync(airlines) ? false : 'no measuring data here' }, async (t) => {
  const out = join(t.testdir(), 'made.json');
  const outcome = await inProcess([
    'init',
    '--from',
    airlines,
    '--label',
    'IsArrDelayed',
    '--out',
    out,
    '--rows',
    '3000',
    '--json',
  ]);
  t.equal(outcome.code, 0, outcome.stderr);
  t.match(JSON.parse(outcome.stdout), {
    model: 'allyears2k',
    rows: 3000,
    label: { task: 'binary', positive: 'YES' },
  });
  t.equal(loadConfig(out).models.allyears2k?.task, 'binary');
});
