import t from 'tap';
import { explain, settingRows } from '../../config/describe.ts';
import { parseConfig } from '../../config/load.ts';

t.test('describe - one row for every setting, with type, default and documentation', async (t) => {
  const rows = settingRows();
  t.same(
    rows.find((row) => row.path === 'models.<name>.features.bits'),
    {
      path: 'models.<name>.features.bits',
      expected: 'an integer from 8 to 26',
      default: '18',
      doc: 'log2 of the rows of the hashed table: 18 is 262,144 rows',
    },
  );
  t.same(
    rows.filter((row) => row.doc === '').map((row) => row.path),
    [],
    'every setting is documented',
  );
  const keys = rows.map((row) => `${row.path} ${row.variant}`);
  t.equal(new Set(keys).size, keys.length, 'no row twice');
});

t.test("describe - an optimizer's numbers name the optimizer", async (t) => {
  const rates = settingRows().filter((row) => row.path === 'models.<name>.optimizer.learningRate');
  t.same(
    rates.map((row) => [row.variant, row.default]),
    [
      ['nag', '0.5'],
      ['sgd', '0.01'],
      ['momentum', '0.01'],
      ['adagrad', '0.1'],
      ['rmsprop', '0.01'],
      ['adam', '0.01'],
      ['adabound', '0.001'],
    ],
  );
  const name = settingRows().find((row) => row.path === 'models.<name>.optimizer.name');
  t.match(name, { expected: /"ftrl", "pistol" or "coin"/, default: '"nag"', doc: /FTRL-Proximal/ });
});

t.test('describe - every default written down is the default in force', async (t) => {
  const chosen = (path: string, name: string) => {
    if (path.startsWith('models.<name>.rank.')) return { rank: { explore: { name } } };
    const named = name === 'mf' ? { name, user: 'u', item: 'i' } : { name };
    return path.startsWith('models.<name>.family.') ? { family: named } : { optimizer: { name } };
  };
  // What has no default must be there, or there is nothing to look at.
  const exactIds = { of: ['user'] };
  for (const { path, variant, ...row } of settingRows()) {
    if (/\.(exactIds\.of|family\.user|family\.item)$/.test(path)) continue;
    const hasIds = path.startsWith('models.<name>.features.exactIds.');
    const m = hasIds ? { features: { exactIds } } : variant === undefined ? {} : chosen(path, variant);
    let value: unknown = parseConfig(JSON.stringify({ models: { m } }), 'c');
    for (const key of path.replace('<name>', 'm').split('.')) value = (value as Record<string, unknown>)[key];
    t.equal(JSON.stringify(value), row.default, path);
  }
});

t.test('explain - a path, a part of the tree, or nothing', async (t) => {
  t.same(
    explain('models.flights.actors').map((row) => row.path),
    ['models.<name>.actors.shards', 'models.<name>.actors.learners', 'models.<name>.actors.predictors'],
  );
  t.equal(explain('nats.embedded.port').length, 1);
  t.same(explain('nats.nothing'), []);
  t.equal(explain('').length, settingRows().length);
});
