import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { threadsOf } from '../../config/checks.ts';
import { loadConfig, parseConfig, validateModel } from '../../config/load.ts';
import { MillraceError, SetupError } from '../../src/base/errors.ts';

/** The message of the SetupError that a text must end in. */
function refusal(text: string): string {
  try {
    parseConfig(text, 'c.json');
  } catch (error) {
    if (error instanceof SetupError) return error.message;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

const ofModel = (model: object): string => JSON.stringify({ models: { flights: model } });

t.test('config - an empty object has every default', async (t) => {
  const config = parseConfig('{}', 'c.json');
  t.equal(config.root, 'millrace');
  t.equal(config.nats.embedded.port, 4222);
  t.same(config.models, {});
  const model = parseConfig(ofModel({}), 'c.json').models.flights;
  t.match(model, {
    task: 'binary',
    optimizer: { name: 'nag', learningRate: 0.5 },
    features: { bits: 18 },
    partitions: 64,
  });
});

t.test('config - comments, trailing commas and a byte order mark are read', async (t) => {
  const config = parseConfig(
    '\uFEFF// ours\n{ "root": "mill", /* why */ "models": { "a": {}, }, }',
    'c.json',
  );
  t.equal(config.root, 'mill');
  t.same(Object.keys(config.models), ['a']);
});

t.test('config - a value out of bounds is named with path, bounds, value and place', async (t) => {
  const text = '{\n  "models": {\n    "flights": {\n      "features": { "bits": 3 }\n    }\n  }\n}';
  t.equal(
    refusal(text),
    'c.json:4:29: models.flights.features.bits: expected an integer from 8 to 26, got 3',
  );
  t.equal(
    refusal(text.replaceAll('\n', '\r\n')),
    'c.json:4:29: models.flights.features.bits: expected an integer from 8 to 26, got 3',
    'Windows line ends count the same',
  );
});

t.test('config - what was expected is said for every type', async (t) => {
  const expectations: [object, string][] = [
    [{ task: 'multi' }, 'models.flights.task: expected "binary", "regression" or "multiclass", got "multi"'],
    [{ batch: { eventsMax: 1.5 } }, 'batch.eventsMax: expected an integer from 1 to 16384, got 1.5'],
    [{ limits: { featuresMax: 1e99 } }, 'limits.featuresMax: expected an integer from 1 to 8192, got 1e+99'],
    [{ checkpoint: { atStop: 'yes' } }, 'checkpoint.atStop: expected true or false, got "yes"'],
    [{ snapshot: null }, 'models.flights.snapshot: expected an object, got null'],
    [
      { guard: { baseRateMin: 0.5, baseRateMax: 0.5 } },
      'guard.baseRateMin: expected less than baseRateMax (0.5), got 0.5',
    ],
    [{ classWeights: { 2: 1 } }, 'classWeights.2: expected one of the classes 0, 1, got "2"'],
    [
      { task: 'regression', classWeights: { 1: 1 } },
      'classWeights.1: expected it with classes only, got task "regression"',
    ],
    [{ guard: { baseRateMax: 1.5 } }, 'guard.baseRateMax: expected 0 to 1 for task "binary", got 1.5'],
    [
      { optimizer: { name: 'ftrl', alpha: 0 } },
      'optimizer.alpha: expected a number above 0 and up to 1000, got 0',
    ],
    [{ optimizer: { name: 'ftrl', l1: -1 } }, 'optimizer.l1: expected a number from 0 to 1000000, got -1'],
    [
      { optimizer: { name: 'adams' } },
      'optimizer.name: expected "nag", "sgd", "momentum", "adagrad", "adadelta", "rmsprop", "adam", "adabound", "ftrl", "pistol" or "coin", got "adams"',
    ],
    [
      { optimizer: {} },
      'optimizer.name: expected "nag", "sgd", "momentum", "adagrad", "adadelta", "rmsprop", "adam", "adabound", "ftrl", "pistol" or "coin", got nothing',
    ],
    [
      { optimizer: 'sgd' },
      'optimizer: expected an object whose "name" is "nag", "sgd", "momentum", "adagrad", "adadelta", "rmsprop", "adam", "adabound", "ftrl", "pistol" or "coin", got "sgd"',
    ],
    [
      { features: { interactions: [['a']] } },
      'features.interactions[0]: expected a list of 2 to 4 strings, got a list of 1',
    ],
    [{ features: { interactions: [['a', 7]] } }, 'features.interactions[0][1]: expected a string, got 7'],
  ];
  for (const [model, message] of expectations) t.match(refusal(ofModel(model)), message);
  t.match(refusal('[]'), 'the configuration: expected an object, got a list of 0');
  t.match(
    refusal('{"models":{"a b":{}}}'),
    'models["a b"]: expected a name of 1 to 64 letters, digits, _ and -',
  );
  t.match(refusal('{"root":"a.b"}'), 'root: expected a name of 1 to 64 letters, digits, _ and -, got "a.b"');
});

t.test('config - an unknown key is refused with the nearest known one', async (t) => {
  const hints: [string, string][] = [
    [
      ofModel({ actors: { lerners: 2 } }),
      'models.flights.actors.lerners: unknown key; did you mean "learners"?',
    ],
    ['{"natts":{}}', 'natts: unknown key; did you mean "nats"?'],
    [
      ofModel({ bits: 20 }),
      'models.flights.bits: unknown key here; it belongs at models.<name>.features.bits',
    ],
    [
      ofModel({ optimizer: { name: 'ftrl', learningRate: 1 } }),
      'optimizer.learningRate: unknown key here; it is a setting of "nag" and "sgd" and "momentum" and "adagrad" and "rmsprop" and "adam"',
    ],
    [ofModel({ actors: { zebra: 2 } }), 'unknown key; expected one of: shards, learners, predictors'],
  ];
  for (const [text, message] of hints) t.match(refusal(text), message);
  t.match(
    refusal('{\n "supervisor": {\n  "intensty": 1 } }'),
    'c.json:3:3: supervisor.intensty',
    'points at the key',
  );
});

t.test('config - several errors are all listed, a great many are cut short', async (t) => {
  const several = refusal('{"rooot":1,"nats":{"servers":"x"},"models":{"a":{"kernel":"gpu"}}}').split('\n');
  t.equal(several.length, 4);
  t.equal(several[0], 'c.json: 3 errors');
  t.ok(several.some((line) => line.includes('nats.servers: expected a list of at most 64 strings, got "x"')));
  t.ok(
    several.some((line) => line.includes('models.a.kernel: expected "auto", "cpu" or "webasm", got "gpu"')),
  );
  t.ok(several.some((line) => line.includes('did you mean "root"?')));

  const models = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`m${i}`, { task: 1 }]));
  const many = refusal(JSON.stringify({ models })).split('\n');
  t.equal(many.length, 22);
  t.match(many.at(-1), 'and 30 more');
});

t.test('config - a secret is never shown, a long value is shortened', async (t) => {
  t.match(refusal('{"nats":{"user":"u","password":123456}}'), 'got a number (not shown)');
  t.notMatch(refusal('{"nats":{"user":"u","password":123456}}'), '123456');
  t.ok(refusal(ofModel({ task: 'x'.repeat(5000) })).length < 200);
});

t.test('config - text that is no JSON is refused by line and column', async (t) => {
  t.match(refusal('{\n  "root": "a"\n  "dataDir": "b"\n}'), /^c\.json:3:3: not valid JSON .*comma expected/);
  t.match(refusal(''), /^c\.json:1:1: /);
  t.match(refusal('['.repeat(200_000)), 'c.json');
  t.match(refusal('{"root": "a" } extra'), 'not valid JSON');
});

t.test('config - inherited and repeated keys are refused', async (t) => {
  for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    t.match(refusal(`{"models":{"${key}":{}}}`), `models.${key}: "${key}" cannot be a key`);
  }
  t.match(refusal('{"__proto__":{"root":"x"}}'), '__proto__');
  t.match(refusal('{"root":"a",\n"root":"b"}'), 'c.json:2:1: root: expected once, got it twice');
  t.equal(({} as Record<string, unknown>).root, undefined, 'no prototype was touched');
});

t.test('config - settings that do not go together are refused by path', async (t) => {
  const nats = (settings: object) => refusal(JSON.stringify({ nats: settings }));
  const crossed: [string, string][] = [
    [refusal(ofModel({ task: 'regression', loss: 'logistic' })), 'models.flights.loss: expected "squared"'],
    [
      refusal(
        ofModel({ optimizer: { name: 'sgd', interceptLearningRate: 1 }, features: { intercept: false } }),
      ),
      'models.flights.optimizer.interceptLearningRate: expected features.intercept to be true',
    ],
    [
      refusal(
        ofModel({
          features: {
            interactions: [
              ['a', 'b'],
              ['c', 'd'],
              ['b', 'a'],
            ],
          },
        }),
      ),
      'features.interactions[2]: expected each cross once, got that of interactions[0] again',
    ],
    [
      refusal(ofModel({ features: { ngrams: [{ of: 'a', n: 9 }] } })),
      'features.ngrams[0].n: expected an integer from 2 to 8, got 9',
    ],
    [
      refusal(ofModel({ task: 'multiclass', optimizer: { name: 'nag' }, loss: 'softmax' })),
      'models.flights.loss: expected a loss of one score with optimizer "nag"',
    ],
    [
      refusal(ofModel({ family: { name: 'fm' }, optimizer: { name: 'ftrl' } })),
      'models.flights.optimizer.name: expected "adagrad" with family "fm", got "ftrl"',
    ],
    [
      refusal(ofModel({ family: { name: 'fm' }, task: 'multiclass' })),
      'models.flights.task: expected "binary" or "regression" with family "fm", got "multiclass"',
    ],
    [
      refusal(ofModel({ family: { name: 'fm' }, task: 'regression', actors: { learners: 2 } })),
      'models.flights.actors.learners: expected 1 with family "fm" and task "regression", where',
    ],
    [
      refusal(ofModel({ family: { name: 'network' }, actors: { learners: 2 } })),
      'models.flights.actors.learners: expected 1 with family "network", whose dense layers',
    ],
    [
      refusal(ofModel({ family: { name: 'network', hidden: [1, 2, 3, 4] } })),
      'models.flights.family.hidden: expected a list of 1 to 3 integers, got a list of 4',
    ],
    [
      refusal(ofModel({ family: { name: 'mf', user: 'u', item: 'u' }, task: 'regression' })),
      'models.flights.family.item: expected another field than family.user, got "u"',
    ],
    [
      refusal(
        ofModel({ family: { name: 'mf', user: 'u', item: 'i', feedback: 'implicit' }, task: 'regression' }),
      ),
      'models.flights.task: expected "binary" with family.feedback "implicit"',
    ],
    [
      refusal(
        ofModel({
          family: { name: 'mf', user: 'u', item: 'i', feedback: 'implicit' },
          features: { bits: 10 },
        }),
      ),
      'models.flights.family.items: expected at most half of the 1024 rows, 512, got 8192',
    ],
    [
      refusal(ofModel({ family: { name: 'mf', user: 'u', item: 'i' }, features: { standardize: true } })),
      'models.flights.features.standardize: expected none with family "mf"',
    ],
    [
      refusal(ofModel({ loss: 'softmax' })),
      'expected "logistic", "squared" or "hinge" for task "binary", got "softmax"',
    ],
    [refusal(ofModel({ classes: ['a', 'b'] })), 'models.flights.classes: expected it with task "multiclass"'],
    [
      refusal(ofModel({ task: 'multiclass', classes: ['a', 1, '1'] })),
      'models.flights.classes[2]: expected each class once, got "1" again',
    ],
    [
      refusal(ofModel({ task: 'multiclass', classes: ['a', 'b'], classesMax: 2 })),
      'models.flights.classesMax: expected either classes or classesMax, got both',
    ],
    [
      refusal(ofModel({ task: 'multiclass', actors: { learners: 2 } })),
      'models.flights.actors.learners: expected 1 without a list of classes, got 2',
    ],
    [
      refusal(ofModel({ task: 'multiclass', guard: { baseRateMax: 1 } })),
      'models.flights.guard.baseRateMax: expected it for labels that are numbers',
    ],
    [
      refusal(ofModel({ task: 'multiclass', classes: [null, 'a'] })),
      'models.flights.classes[0]: expected a string, an integer or a boolean, got null',
    ],
    [nats({ servers: ['x:1'], context: 'c' }), 'nats.context: expected either nats.servers or nats.context'],
    [nats({ password: 'p' }), 'nats.password: expected nats.user beside it'],
    [
      nats({ user: 'u', token: 't' }),
      'nats.token: expected one way to sign in, got nats.user and nats.token',
    ],
    [
      refusal(ofModel({ task: 'regression', predictionMin: 0, features: { standardizeLabel: true } })),
      'models.flights.predictionMin: expected none with features.standardizeLabel',
    ],
    [
      refusal(ofModel({ optimizer: { name: 'sgd', offset: 10 } })),
      'models.flights.optimizer.offset: expected it beside optimizer.power',
    ],
    [
      refusal(
        ofModel({ optimizer: { name: 'sgd' }, rank: { explore: { name: 'softmax', uncertainty: 1 } } }),
      ),
      'models.flights.rank.explore.uncertainty: expected 0 where nothing tells',
    ],
    [
      refusal(ofModel({ task: 'multiclass', rank: { explore: { name: 'epsilon-greedy' } } })),
      'models.flights.rank.explore.name: expected "none" with task "multiclass"',
    ],
    [refusal('{"supervisor":{"heartbeatMs":20000}}'), 'supervisor.heartbeatTimeoutMs: expected more than'],
    [
      refusal('{"supervisor":{"backoffMaxMs":1}}'),
      'supervisor.backoffMaxMs: expected at least backoffMs (50), got 1',
    ],
  ];
  for (const [message, expected] of crossed) t.match(message, expected);
  t.ok(
    parseConfig(ofModel({ task: 'binary', loss: 'squared' }), 'c.json'),
    'squared loss fits a binary task',
  );
});

t.test('config - threads of all models must fit the process', async (t) => {
  const models = { a: { actors: { shards: 3, learners: 2, predictors: 2 } }, b: {} };
  const text = (actorsMax: number) => JSON.stringify({ supervisor: { actorsMax }, models });
  // a: 3 + 2 + 2 + checkpointer; b: 2 + 1 + 1 + checkpointer; one monitor.
  t.equal(threadsOf(parseConfig(text(14), 'c.json').models), 14);
  t.match(refusal(text(13)), 'supervisor.actorsMax: expected at least the 14 threads of the models, got 13');
});

t.test('config - loadConfig reads a file, or says why it cannot', async (t) => {
  const folder = t.testdir({ 'a.json': '{"root":"fromfile"}' });
  t.equal(loadConfig(join(folder, 'a.json')).root, 'fromfile');
  writeFileSync(join(folder, 'b.json'), '{"root":1}');
  t.throws(() => loadConfig(join(folder, 'b.json')), {
    name: 'SetupError',
    message: /b\.json:1:9: root: expected/,
  });
  t.throws(() => loadConfig(join(folder, 'none.json')), {
    name: 'SetupError',
    message: /none\.json.*ENOENT/,
  });
  t.equal(loadConfig('any', () => '{"root":"given"}').root, 'given');
});

t.test('config - the default profile is plain JSON with the model clicks', async (t) => {
  const text = readFileSync('config/default.json', 'utf8');
  t.doesNotThrow(() => JSON.parse(text));
  const config = parseConfig(text, 'config/default.json');
  t.same(Object.keys(config.models), ['clicks']);
  t.equal(config.models.clicks?.task, 'binary');
});

t.test('validateModel - fills in defaults, or refuses in one line that a reply can carry', async (t) => {
  t.equal(validateModel('fresh', { task: 'regression' }).partitions, 64);
  const refused = (name: string, input: unknown, beside?: Parameters<typeof validateModel>[2]) => {
    try {
      validateModel(name, input, beside);
    } catch (error) {
      t.ok(error instanceof MillraceError && error.kind === 'badInput');
      t.notMatch((error as Error).message, /\n/);
      return (error as Error).message;
    }
    return t.fail('accepted');
  };
  t.equal(
    refused('m', { features: { bits: 99 }, task: 1 }),
    'models.m.task: expected "binary", "regression" or "multiclass", got 1; models.m.features.bits: expected an integer from 8 to 26, got 99',
  );
  t.match(refused('a b', {}), 'models["a b"]');
  t.match(refused('__proto__', {}), 'cannot be a key');
  t.match(refused('m', JSON.parse('{"constructor":{}}')), 'cannot be a key');
  t.match(refused('m', undefined), 'models.m: expected an object, got nothing');
  t.match(refused('m', { task: 'regression', loss: 'logistic' }), 'models.m.loss');
  t.match(refused('rejected', {}, parseConfig('{}', 'c.json')), 'models.rejected: expected another name');
  const running = parseConfig('{"supervisor":{"actorsMax":8},"models":{"a":{}}}', 'c.json');
  t.match(refused('b', {}, running), 'supervisor.actorsMax: expected at least the 11 threads');
  t.ok(validateModel('a', {}, running), 'the same model again takes no more threads');
});
