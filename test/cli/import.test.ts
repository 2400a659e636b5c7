import { existsSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { inProcess } from './command-line.ts';

t.test('import - what cannot be taken is told with the file, and stores nothing', async (t) => {
  const folder = t.testdir({
    'empty.json': '',
    'text.json': '{"weights": {"a": "much"}}',
    'none.json': '{"weights": {}}',
    'table.txt': 'a,b\n1,2\n',
    'constant.json': '{"intercept": 0.5, "weights": {}}',
  });
  const config = `${folder}/millrace.json`;
  writeFileSync(config, JSON.stringify({ dataDir: `${folder}/data`, models: { m: {} } }));
  const imported = (file: string, format: string) =>
    inProcess(['import', 'm', `${folder}/${file}`, '--format', format, '--config', config]);
  for (const [file, format, said] of [
    ['empty.json', 'json', /^error: .*empty\.json: not valid JSON/],
    [
      'text.json',
      'json',
      /^error: .*text\.json: weights\["a"\]: expected a number within float32, got "much"\n$/,
    ],
    ['none.json', 'json', /^error: .*none\.json: no weight is in it\n$/],
    ['table.txt', 'vw', /^error: .*table\.txt: no model of Vowpal Wabbit as text/],
    ['gone.json', 'json', /^error: .*gone\.json cannot be read/],
  ] as const) {
    const { code, stderr } = await imported(file, format);
    t.equal(code, 2, file);
    t.match(stderr, said, file);
  }
  t.notOk(existsSync(`${folder}/data/checkpoints/m`));
  t.match(await imported('constant.json', 'json'), { code: 0, stdout: /are version 1 of m/ });
});
