/** `millrace backtest` as a user runs it, on made-up logs and, where it is there, on recorded data. */
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { dataMissing, dataPath } from '../support/data.ts';
import { inProcess } from './command-line.ts';

const rows = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    features: { color: ['red', 'green', 'blue'][at % 3], size: (at % 7) / 7 },
    label: at % 3 === 0 ? 1 : 0,
  }));
const jsonLines = rows(300)
  .map((event) => `${JSON.stringify(event)}\n`)
  .join('');
const table = `color,size,late\n${rows(300)
  .map(({ features, label }) => `${features.color},${features.size},${label}\n`)
  .join('')}`;

const reportOf = async (args: readonly string[], input?: string) => {
  const outcome = await inProcess(['backtest', ...args, '--json'], input === undefined ? {} : { input });
  t.equal(outcome.stderr, '');
  t.equal(outcome.code, 0);
  return JSON.parse(outcome.stdout);
};

t.test('backtest - the same events in any format give the same figures and parameters', async (t) => {
  const folder = t.testdir({
    'log.jsonl': jsonLines,
    'log.csv': table,
    'log.jsonl.gz': gzipSync(jsonLines),
  });
  const first = await reportOf([`${folder}/log.jsonl`]);
  t.match(first, {
    events: 300,
    unreadable: 0,
    rejected: 0,
    metrics: { averageLoss: Number, logLoss: Number, accuracy: Number, auc: Number, mae: null, rmse: null },
    eventsPerSecond: Number,
    elapsedSeconds: Number,
    fingerprint: /^[0-9a-f]{16}$/,
  });
  t.ok(first.metrics.normalizedEntropy < 0.9 && first.metrics.auc > 0.9, 'it learned');
  for (const args of [
    [`${folder}/log.csv`, '--label', 'late'],
    [`${folder}/log.jsonl.gz`],
    [`${folder}/log.jsonl`, '--optimizer', 'nag', '--bits', '18', '--set', 'optimizer.learningRate=0.5'],
  ]) {
    const { metrics, fingerprint } = await reportOf(args);
    t.strictSame({ metrics, fingerprint }, { metrics: first.metrics, fingerprint: first.fingerprint });
  }
  const { fingerprint } = await reportOf([], jsonLines);
  t.equal(fingerprint, first.fingerprint, 'from standard input');
  const other = await reportOf([`${folder}/log.jsonl`, '--set', 'optimizer.learningRate=0.2']);
  t.not(other.fingerprint, first.fingerprint);
});

t.test('backtest - says what a person wants to know', async (t) => {
  const folder = t.testdir({ 'log.csv': table });
  const { stdout, code } = await inProcess(['backtest', `${folder}/log.csv`, '--label', 'late']);
  t.equal(code, 0);
  t.match(stdout, /average loss +since last +events/);
  t.match(stdout, / {8}256 /);
  t.match(stdout, /quality +loss 0\.\d{4}, normalised entropy 0\.\d{4}, AUC/);
});

t.test('backtest - classes of -1 and 1 in text formats', async (t) => {
  const lines = rows(200).map(
    ({ label, features }, at) =>
      `${label === 1 ? '+1' : '-1'} ${(at % 3) + 1}:1 ${features.size === 0 ? '' : `9:${features.size}`}`,
  );
  const folder = t.testdir({
    'log.libsvm': lines.join('\n'),
    'log.vw': lines.map((line) => line.replace(' ', ' | ')).join('\n'),
  });
  const libsvm = await reportOf([`${folder}/log.libsvm`]);
  const vw = await reportOf([`${folder}/log.vw`]);
  t.equal(libsvm.events, 200);
  t.equal(libsvm.fingerprint, vw.fingerprint);
  t.equal((await reportOf([`${folder}/log.vw`, '--task', 'regression'])).metrics.meanLabel, -66 / 200);
});

t.test('backtest - several classes, from a table and from text', async (t) => {
  const kinds = ['cat', 'dog', 'bird'];
  const folder = t.testdir({
    'log.csv': ['legs,name,kind', ...rows(300).map((_, at) => `l${at % 3},n${at % 5},${kinds[at % 3]}`)].join(
      '\n',
    ),
    'log.vw': rows(300)
      .map((_, at) => `${(at % 3) + 1} | legs${at % 3} n${at % 5}`)
      .join('\n'),
  });
  const table = await reportOf([`${folder}/log.csv`, '--label', 'kind', '--task', 'multiclass']);
  t.match(table.metrics, { accuracy: Number, macroF1: Number, logLoss: Number, auc: null, rmse: null });
  t.ok(table.metrics.accuracy! > 0.9, `accuracy ${table.metrics.accuracy}`);
  const vw = await reportOf([`${folder}/log.vw`, '--task', 'multiclass', '--set', 'classes=[1,2,3]']);
  t.ok(vw.metrics.accuracy! > 0.9, `accuracy ${vw.metrics.accuracy}`);
  const { stdout } = await inProcess([
    'backtest',
    `${folder}/log.csv`,
    '--label',
    'kind',
    '--task',
    'multiclass',
  ]);
  t.match(stdout, / {8}256 .* (cat|dog|bird) /);
  t.match(stdout, /accuracy 0\.9\d*, macro F1 0\.9/);
  const few = await inProcess([
    'backtest',
    `${folder}/log.csv`,
    '--label',
    'kind',
    '--task',
    'multiclass',
    '--set',
    'classesMax=2',
  ]);
  t.equal(few.code, 2);
  t.match(few.stderr, 'line 4: label: "bird" would be class 3; at most 2 (classesMax)');
});

t.test('backtest - compares models on the same events', async (t) => {
  const config = (model: object) => JSON.stringify({ models: { m: model } });
  const folder = t.testdir({
    'log.jsonl': jsonLines,
    'good.json': config({}),
    'same.json': config({}),
    'slow.json': config({ optimizer: { name: 'sgd', learningRate: 0.0001 } }),
    'margin.json': config({ loss: 'hinge' }),
    'amount.json': config({ task: 'regression' }),
  });
  const files = ['good', 'same', 'slow'].map((name) => `${folder}/${name}.json`);
  const report = await reportOf([`${folder}/log.jsonl`, '--compare', ...files]);
  const [good, same, slow] = report.models;
  t.equal(good.difference, undefined);
  t.strictSame(same.difference, { mean: 0, interval: { mean: 0, low: 0, high: 0 } });
  t.equal(same.fingerprint, good.fingerprint);
  t.ok(slow.difference.interval.low > 0);
  t.ok(Math.abs(slow.difference.mean - (slow.metrics.averageLoss - good.metrics.averageLoss)) < 1e-9);
  const { stdout } = await inProcess(['backtest', '--compare', ...files, `${folder}/log.jsonl`]);
  t.match(stdout, /same and good cannot be told apart/);
  t.match(stdout, /slow is worse than good on these events\./);
  const log = ['backtest', `${folder}/log.jsonl`, '--compare', files[0]!];
  t.match(
    (await inProcess([...log, `${folder}/margin.json`])).stdout,
    /margin and good descend different losses, which cannot be compared/,
  );
  t.match(await inProcess([...log, `${folder}/amount.json`]), {
    code: 2,
    stderr: /good is binary, amount is regression/,
  });
});

t.test('backtest - labels that come late, by a duration or at the time in a column', async (t) => {
  const [head, ...lines] = table.trim().split('\n');
  const hour = (at: number) => new Date(Date.UTC(2001, 0, 1, at)).toISOString();
  const timed = lines.map((line, at) => `${line},${hour(at)},${at % 10 === 9 ? '' : hour(at + 3)}\n`);
  const folder = t.testdir({ 'log.csv': `${head},at,known\n${timed.join('')}` });
  const log = [`${folder}/log.csv`, '--label', 'late', '--time', 'at'];
  const atOnce = await reportOf([...log, '--drop', 'known']);
  const byDuration = await reportOf([...log, '--drop', 'known', '--delay', '3h']);
  t.match(byDuration, { events: 300, lateLabels: { waitingMost: 3, afterEnd: 3, never: 0 } });
  t.not(byDuration.metrics.averageLoss, atOnce.metrics.averageLoss, 'predictions know less');
  t.equal(
    byDuration.fingerprint,
    atOnce.fingerprint,
    'labels of one delay come in the order of their events',
  );
  t.equal((await reportOf([...log, '--drop', 'known', '--delay', '0s'])).fingerprint, atOnce.fingerprint);
  const byColumn = await reportOf([...log, '--delay', 'known']);
  t.match(byColumn, { events: 270, lateLabels: { waitingMost: 3, afterEnd: 2, never: 30 } });
  const { stdout } = await inProcess(['backtest', ...log, '--delay', 'known']);
  t.match(
    stdout,
    /labels +at most 3 events waited, 2 labels came after the last event, 30 labels never came/,
  );
});

t.test('backtest - labels of several classes come late, too', async (t) => {
  const rows = Array.from({ length: 60 }, (_, at) => `${at % 3},${'abc'[at % 3]},${at},${at + 2}`);
  const folder = t.testdir({ 'log.csv': `x,kind,at,known\n${rows.join('\n')}\n` });
  const log = [`${folder}/log.csv`, '--task', 'multiclass', '--label', 'kind', '--time', 'at'];
  const byColumn = await reportOf([...log, '--delay', 'known']);
  t.match(byColumn, { events: 60, lateLabels: { never: 0 } });
  const byDuration = await reportOf([...log, '--drop', 'known', '--delay', '2s']);
  t.equal(byColumn.fingerprint, byDuration.fingerprint, 'the column of the times is no feature');
});

t.test("backtest - the table counts features and the constant, not the optimiser's own rows", async (t) => {
  const folder = t.testdir({ 'log.csv': 'a,b,y\n1,2,0\n' });
  for (const optimizer of ['nag', 'sgd', 'coin']) {
    const { stdout } = await inProcess([
      'backtest',
      `${folder}/log.csv`,
      '--label',
      'y',
      '--optimizer',
      optimizer,
    ]);
    t.match(stdout, / 1 +0\.0000 +0\.0000 +3\n/, optimizer);
  }
});

t.test("backtest - a binary model takes 1, -1 and 0 of LIBSVM's and Vowpal Wabbit's labels", async (t) => {
  const folder = t.testdir({ 'a.vw': '1 |a b\n-1 |a c\n0 |a d\n', 'b.svm': '1 1:1\n2 1:2\n' });
  t.equal((await reportOf([`${folder}/a.vw`])).metrics.meanLabel, 1 / 3);
  const { code, stderr } = await inProcess(['backtest', `${folder}/b.svm`]);
  t.equal(code, 2);
  t.match(stderr, /^error: line 2: label: expected 1, and -1 or 0, got 2; .* --positive VALUE\n$/);
  t.equal((await reportOf([`${folder}/b.svm`, '--positive', '2'])).metrics.meanLabel, 0.5);
});

t.test('backtest - several passes are the file so many times', async (t) => {
  const named = jsonLines
    .trim()
    .split('\n')
    .map((line, at) => JSON.stringify({ ...JSON.parse(line), id: `e${at}` }));
  const folder = t.testdir({
    'once.jsonl': named.join('\n'),
    'thrice.jsonl': `${jsonLines.trim()}\n`.repeat(3),
  });
  const passes = await reportOf([`${folder}/once.jsonl`, '--passes', '3']);
  const long = await reportOf([`${folder}/thrice.jsonl`]);
  t.equal(passes.events, 900);
  t.same(passes.metrics, long.metrics);
  t.equal(passes.fingerprint, long.fingerprint);
  for (const [args, said] of [
    [['-', '--passes', '2'], /--passes needs a file/],
    [[`${folder}/once.jsonl`, '--passes', '0'], /at least 1/],
    [[`${folder}/once.jsonl`, '--passes', '2', '--delay', '1h'], /--passes or --delay, not both/],
  ] as const) {
    const { code, stderr } = await inProcess(['backtest', ...args]);
    t.equal(code, 2);
    t.match(stderr, said);
  }
});

t.test('backtest - a bad row ends it in one line, or is passed over', async (t) => {
  const folder = t.testdir({
    'bad.jsonl': `${jsonLines.split('\n').slice(0, 3).join('\n')}\n{"features": {}, "label": 7}\n{"features":\n`,
    'ragged.csv': 'a,b,y\n1,2,0\n1,1\n',
    'text.csv': 'a,y\n1,0\n1,x\n',
    'two.json': JSON.stringify({ models: { a: {}, b: {} } }),
    'empty.jsonl': '',
    'timed.csv': 'at,y,known\n2001-01-01,0,2001-01-02\n2001-01-03,1,soon\n',
  });
  for (const [args, said] of [
    [
      [`${folder}/bad.jsonl`],
      /^error: line 4: label: expected 0, 1, false or true for a binary model, got 7\n$/,
    ],
    [[`${folder}/ragged.csv`, '--label', 'y'], /^error: line 3: expected 3 cells as in the header, got 2\n$/],
    [[`${folder}/text.csv`, '--label', 'y'], /^error: line 3: label "y" is "x", not a number/],
    [[`${folder}/none.csv`], /cannot be read/],
    [[`${folder}/bad.jsonl`, '--format', 'arff'], /Allowed choices are jsonl, csv, libsvm, vw/],
    [[`${folder}/bad.jsonl`, '--format', 'vw', '--label', 'y'], /--label has no meaning for vw/],
    [[`${folder}/bad.jsonl`, '--loss', 'none'], /models\.model\.loss: expected /],
    [
      [`${folder}/bad.jsonl`, '--loss', 'logistic', '--task', 'regression'],
      /expected "squared", .* for task "regression"/,
    ],
    [[`${folder}/bad.jsonl`, '--bits', 'many'], /models\.model\.features\.bits: .*, got "many"/],
    [
      [`${folder}/bad.jsonl`, '--task', 'regression', '--loss', 'quantile', '--set', 'loss.tau=2'],
      /models\.model\.loss\.tau: expected a number from 0\.001 to 0\.999, got 2/,
    ],
    [[`${folder}/bad.jsonl`, '--compare', 'a', 'b', '--bits', '9'], /--bits has no meaning with --compare/],
    [[`${folder}/bad.jsonl`, '--compare', 'a', 'b', '--save'], /--save stores one model/],
    [[`${folder}/text.csv`, '--label', 'y', '--drop', 'b'], /there is no column "b"; there are a, y/],
    [[`${folder}/text.csv`, '--label', 'y', '--categorical', 'c'], /there is no column "c"/],
    [
      [`${folder}/timed.csv`, '--label', 'y', '--time', 'at', '--delay', '1week'],
      /there is no column "1week"; there are at, y, known/,
    ],
    [[`${folder}/bad.jsonl`, '--set', 'alpha'], /expected PATH=VALUE/],
    [[`${folder}/bad.jsonl`, '--set', '__proto__.x=1'], /__proto__/],
    [
      [`${folder}/bad.jsonl`, '--config', `${folder}/two.json`],
      /has the models a, b; choose one with --model/,
    ],
    [
      [`${folder}/bad.jsonl`, '--config', `${folder}/two.json`, '--model', 'c'],
      /has no model "c"; it has a, b/,
    ],
    [[`${folder}/bad.jsonl`, '--compare', `${folder}/two.json`], /needs at least two/],
    [[`${folder}/text.csv`, '--label', 'y', '--delay', '1h'], /--delay needs --time COLUMN beside it/],
    [[`${folder}/bad.jsonl`, '--delay', '1h'], /line 1: time: missing, and labels come after it/],
    [[`${folder}/bad.jsonl`, '--waiting-max', '9'], /--waiting-max needs --delay beside it/],
    [[`${folder}/bad.jsonl`, '--format', 'vw', '--delay', '1h'], /--delay has no meaning for vw/],
    [
      [`${folder}/timed.csv`, '--label', 'y', '--time', 'at', '--delay', 'known'],
      /line 3: time "known" is "soon"; expected seconds/,
    ],
    [[`${folder}/empty.jsonl`], /^error: no event of .* could be learned\n$/],
  ] as const) {
    const { code, stderr } = await inProcess(['backtest', ...args]);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, said, args.join(' '));
    t.equal(stderr.trim().split('\n').length, 1, stderr);
  }
  const { stdout, stderr, code } = await inProcess([
    'backtest',
    `${folder}/bad.jsonl`,
    '--lenient',
    '--json',
  ]);
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { events: 3, unreadable: 1, rejected: 1 });
  t.match(stderr, /line 4: label: .*; passed over\nline 5: not valid JSON/);
});

const vw = 'vw/train-sets/0001.dat';
t.test("backtest - nag has Vowpal Wabbit's own losses", { skip: dataMissing(vw) }, async (t) => {
  // Case vw-36 of its regression suite. More bits than usual: with 4,289 features hashes must not meet.
  const flags = ['--format', 'vw', '--task', 'regression', '--optimizer', 'nag', '--bits', '22'];
  const { metrics, events } = await reportOf([dataPath(vw), ...flags]);
  t.equal(events, 200);
  t.ok(Math.abs(metrics.averageLoss - 0.19576) < 1e-4, `average loss ${metrics.averageLoss}`);
});

const missing = dataMissing('a9a/a9a.libsvm.gz');
t.test('backtest - a9a: nag as an independent implementation has it', { skip: missing }, async (t) => {
  const { metrics } = await reportOf([dataPath('a9a/a9a.libsvm.gz')]);
  t.ok(Math.abs(metrics.logLoss - 0.332221) < 2e-5, `log loss ${metrics.logLoss}`);
  t.ok(Math.abs(metrics.auc - 0.89904) < 2e-4, `AUC ${metrics.auc}`);
});

t.test(
  'backtest - a9a: FTRL-Proximal as an independent implementation has it',
  { skip: missing },
  async (t) => {
    const { metrics, events } = await reportOf([dataPath('a9a/a9a.libsvm.gz'), '--optimizer', 'ftrl']);
    t.equal(events, 32_561);
    t.ok(Math.abs(metrics.logLoss - 0.334472) < 2e-5, `log loss ${metrics.logLoss}`);
    t.ok(Math.abs(metrics.auc - 0.897865) < 2e-4, `AUC ${metrics.auc}`);
  },
);
