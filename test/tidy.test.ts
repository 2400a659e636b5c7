import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Tree, violationsOf } from './tidy/house-rules.ts';

const folders = ['src', 'actors', 'config', 'edge', 'test', 'demo', 'examples', 'bench', 'scripts', 'docs'];

function projectTree(): Tree {
  const below = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))));
  const top = readdirSync('.').filter((name) => name.endsWith('.md'));
  const paths = [...below, ...top].filter(
    (path) => /\.(ts|mjs|md|json)$/.test(path) && statSync(path).isFile(),
  );
  return new Map(paths.sort().map((path) => [path, readFileSync(path, 'utf8')]));
}

/** Violations of one made-up file, without its path. */
function judged(path: string, text: string): string[] {
  return violationsOf(new Map([[path, text]])).map((line) => line.slice(path.length));
}

t.test('tidy - the tree keeps the house rules', async (t) => {
  const tree = projectTree();
  t.ok(tree.has('src/base/errors.ts') && tree.has('config/schema.ts'), 'the sources were found');
  for (const violation of violationsOf(tree)) t.fail(violation);
});

t.test('tidy - imports run one way', async (t) => {
  const refused: [string, string][] = [
    ['src/base/hash.ts', '../model/losses.ts'],
    ['src/model/linear.ts', '../kernels/gpu.ts'],
    ['src/model/linear.ts', '../nats/channel.ts'],
    ['src/shard/shard.ts', '../runtime/actor.ts'],
    ['src/protocol/codec.ts', '../nats/channel.ts'],
    ['src/nats/channel.ts', '../runtime/actor.ts'],
    ['src/runtime/thread.ts', '../learner/events.ts'],
    ['src/runtime/thread.ts', '../../actors/any-actor'],
    ['src/checkpoint/store.ts', '../server.ts'],
    ['src/topology.ts', './server.ts'],
    ['src/server.ts', './cli.ts'],
    ['config/schema.ts', '../src/model/losses.ts'],
    ['actors/shard.ts', '../src/server.ts'],
    ['src/base/hash.ts', '../../test/support/x.ts'],
  ];
  for (const [path, target] of refused) {
    const found = judged(path, `import { x } from '${target}';\nx();\n`);
    t.equal(found.length, 1, `${path} -> ${target}`);
    t.match(found[0], /imports .*; expected/);
  }
  const allowed: [string, string][] = [
    ['src/kernels/gpu.ts', '../model/losses.ts'],
    ['src/learner/learner.ts', '../kernels/gpu.ts'],
    ['actors/shard.ts', '../src/shard/shard.ts'],
    ['actors/shard.ts', '../src/runtime/actor.ts'],
    ['src/nats/embedded/lock.ts', '../../base/errors.ts'],
    ['src/server.ts', './topology.ts'],
    ['src/cli.ts', './server.ts'],
    ['src/cli/serve.ts', '../server.ts'],
    ['test/base/hash.test.ts', '../../src/cli.ts'],
  ];
  for (const [path, target] of allowed)
    t.same(judged(path, `import '${target}';\n`), [], `${path} -> ${target}`);
});

t.test('tidy - every form of import is seen', async (t) => {
  const forms = [
    "import type { X } from '../nats/channel.ts';",
    "export { x } from '../nats/channel.ts';",
    "export * from '../nats/channel.ts';",
    "const x = await import('../nats/channel.ts');",
    "type X = import('../nats/channel.ts').X;",
  ];
  for (const form of forms) t.equal(judged('src/model/linear.ts', form).length, 1, form);
  t.same(
    judged('src/model/linear.ts', "const text = `import '../nats/channel.ts'`;"),
    [],
    'text is no import',
  );
});

t.test('tidy - the channel is known by its type alone', async (t) => {
  const type = "import type { Channel } from '../nats/channel.ts';";
  t.same(judged('src/learner/learner.ts', type), []);
  t.equal(judged('src/learner/learner.ts', type.replace('import type', 'import')).length, 1, 'a value');
  t.equal(judged('src/learner/learner.ts', type.replace('channel', 'connection')).length, 1, 'another file');
  t.equal(judged('src/model/linear.ts', type).length, 1, 'a part that has no use for it');
});

t.test('tidy - a new folder of src must take its place', async (t) => {
  t.match(judged('src/novel/x.ts', "import '../base/hash.ts';"), [/has no place among the layers/]);
});

t.test('tidy - packages with one door', async (t) => {
  const packages: [string, string][] = [
    ['gpu.js', 'src/kernels/gpu.ts'],
    ['msgpackr', 'src/protocol/codec.ts'],
    ['nats', 'src/nats/connection.ts'],
    ['piscina', 'src/runtime/worker-pool.ts'],
  ];
  for (const [name, door] of packages) {
    t.same(judged(door, `import { x } from '${name}';`), []);
    t.match(judged('src/base/x.ts', `import { x } from '${name}';`), [/expected only src\//], name);
    t.match(
      judged('examples/x.ts', `import { x } from '${name}/sub';`),
      [/expected only src\//],
      `${name}/sub`,
    );
  }
  t.same(judged('src/base/x.ts', "import 'nats-like';"), [], 'another package with a like name');
});

t.test('tidy - actors: no actor imports another, files stay thin', async (t) => {
  t.match(judged('actors/learner.ts', "import './shard.ts';"), [
    /expected actors to meet only in src\/protocol/,
  ]);
  t.same(judged('actors/learner.ts', '// line\n'.repeat(150)), []);
  t.match(judged('actors/learner.ts', '// line\n'.repeat(151)), [/151 lines; expected at most 150/]);
  t.match(judged('src/server.ts', "const at = '../actors/shard.js';"), [/only src\/topology\.ts/]);
  t.same(judged('src/topology.ts', "const at = '../actors/shard.js';"), []);
});

t.test('tidy - lengths, names and module-level state', async (t) => {
  t.same(judged('src/base/x.ts', '// line\n'.repeat(400)), []);
  t.match(judged('src/base/x.ts', '// line\n'.repeat(401)), [/401 lines; expected at most 400/]);
  const functionOf = (lines: number) => `export const f = () => {\n${'  f();\n'.repeat(lines - 2)}};\n`;
  t.same(judged('src/base/x.ts', functionOf(60)), []);
  t.match(judged('src/base/x.ts', functionOf(61)), [/^:1: a function of 61 lines/]);
  t.match(judged('src/base/x.ts', `export class X {\n  m() {\n${'\n'.repeat(70)}  }\n}\n`), [
    /^:2: a function/,
  ]);
  t.match(judged('src/base/camelCase.ts', ''), [/kebab-case/]);
  t.match(judged('src/base/x.ts', 'let count = 0;'), [/module-level let/]);
  t.same(judged('src/base/x.ts', 'for (let i = 0; i < 2; i++) i;'), [], 'a let inside is no state');
  t.match(judged('src/base/x.ts', `// ${['TO', 'DO'].join('')}: later`), [/finished work/]);
});

t.test('tidy - no path of one machine, no measuring data outside tests', async (t) => {
  const machine = ['', 'home', 'someone', 'file'].join('/');
  t.match(judged('src/base/x.ts', `const at = '${machine}';`), [/^:1: names a path of one machine/]);
  t.match(judged('docs/x.md', `See ${machine}`), [/names a path/]);
  t.same(judged('docs/x.md', 'See src/home/file and https://example.org/home/file'), []);
  const shared = ['..', 'shared', 'data'].join('/');
  t.match(judged('README.md', `See ${shared}`), [/names \.\.\/shared/]);
  t.same(judged('test/x.test.ts', `const at = '${shared}';`), []);
});

t.test('tidy - an example uses the public door', async (t) => {
  t.same(judged('examples/quick.ts', "import '../src/index.ts';"), []);
  t.match(judged('examples/quick.ts', "import '../src/nats/channel.ts';"), [/as a user would/]);
});
