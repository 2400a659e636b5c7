import fc from 'fast-check';
import t from 'tap';
import type { ModelInput, OptimizerConfig } from '../../config/schema.ts';
import { loadModel } from '../../edge/edge-model.ts';
import { type EdgeHeader, edgeChunks, readEdge } from '../../edge/format.ts';
import { MillraceError } from '../../src/base/errors.ts';
import type { Features } from '../../src/protocol/messages.ts';
import { exportedFile, exportedModel, learned } from './exported.ts';

t.setTimeout(120_000);
const optimizers: readonly OptimizerConfig[] = [
  { name: 'ftrl', alpha: 0.5, beta: 1, l1: 0.01, l2: 0.1 },
  { name: 'adagrad', learningRate: 0.3, epsilon: 1e-8 },
  { name: 'sgd', learningRate: 0.05 },
  { name: 'nag', learningRate: 0.5 },
  { name: 'nag', learningRate: 0.5, halfLife: 20 },
  { name: 'adam' },
  { name: 'momentum' },
] as readonly OptimizerConfig[];

const anyValue = fc.oneof(
  fc.constantFrom<string | boolean | number | null>('x', 'Zürich', '', true, false, null, 2.5, -3, 1e4),
  fc.double({ min: -100, max: 100, noNaN: true }),
  fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 4 }),
  fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 3 }),
);
const anyName = fc.constantFrom('a', 'b', 'c', 'a.b', 'é', '7');
const anyFeatures = fc.dictionary(
  anyName,
  fc.oneof(anyValue, fc.dictionary(anyName, anyValue, { maxKeys: 3 })),
  { maxKeys: 5 },
) as fc.Arbitrary<Features>;
const anyEvents = fc.array(fc.tuple(anyFeatures, fc.constantFrom(0, 1, 1)), { maxLength: 20 });
const anyModel: fc.Arbitrary<ModelInput> = fc
  .record({
    predictionMin: fc.constantFrom(undefined, -1),
    predictionMax: fc.constantFrom(undefined, 0.5),
    task: fc.constantFrom<'binary' | 'regression'>('binary', 'regression'),
    optimizer: fc.constantFrom(...optimizers),
    features: fc.record({
      bits: fc.constantFrom(8, 12),
      intercept: fc.boolean(),
      standardize: fc.boolean(),
      standardizeLabel: fc.boolean(),
      interactions: fc.constantFrom<string[][]>(
        [],
        [['a', 'b']],
        [
          ['a', 'c', 'é'],
          ['b', 'b'],
        ],
      ),
    }),
  })
  .map(({ features, predictionMin, predictionMax, ...model }) => ({
    ...model,
    ...(predictionMin !== undefined && { predictionMin }),
    ...(predictionMax !== undefined && { predictionMax }),
    features: {
      ...features,
      standardizeLabel:
        features.standardizeLabel &&
        model.task === 'regression' &&
        predictionMin === undefined &&
        predictionMax === undefined,
    },
  }));

/** Undefined when it is refused, as a score beyond float32 is. */
function answerOf<Answer>(predict: () => Answer): Answer | undefined {
  try {
    return predict();
  } catch (error) {
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}

t.test('an exported model - predicts what the server does, bit for bit', async () => {
  const property = fc.asyncProperty(
    anyModel,
    anyEvents,
    fc.array(anyFeatures, { maxLength: 8 }),
    async (input, events, asked) => {
      const server = learned(input, events);
      const edge = await exportedModel(server);
      return [...asked, ...events.map(([features]) => features)].every((features) => {
        const [there, here] = [
          answerOf(() => server.predict(features)),
          answerOf(() => edge.predict(features)),
        ];
        if (there === undefined || here === undefined) return there === here;
        return (
          Object.is(here.score, there.score) &&
          Object.is(here.prediction, there.prediction) &&
          edge.errorBound(features) === 0
        );
      });
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

t.test('an exported model - of several classes predicts what the server does', async (t) => {
  const classes = ['a', 'b', 7, true];
  const anyClass = fc.constantFrom<string | number | boolean>(...classes);
  const events = fc.array(fc.tuple(anyFeatures, anyClass), { minLength: 1, maxLength: 25 });
  const input: fc.Arbitrary<ModelInput> = fc
    .record({
      listed: fc.boolean(),
      optimizer: fc.constantFrom(...optimizers),
      loss: fc.constantFrom(undefined, 'logistic' as const, 'squared' as const),
      standardize: fc.boolean(),
    })
    .map(({ listed, optimizer, loss, standardize }) => ({
      task: 'multiclass',
      optimizer,
      ...(loss && { loss }),
      ...(listed && { classes }),
      features: {
        bits: 10,
        standardize: standardize && optimizer.name !== 'nag',
        interactions: [['a', 'b']],
      },
    }));
  let quantisedApart = 0;
  const property = fc.asyncProperty(input, events, anyFeatures, async (model, log, asked) => {
    const server = learned(model, log);
    const [edge, rounded] = await Promise.all([exportedModel(server), exportedModel(server, 'f16')]);
    return [asked, ...log.map(([features]) => features)].every((features) => {
      const [there, here] = [
        answerOf(() => server.predict(features)),
        answerOf(() => edge.predict(features)),
      ];
      if (there === undefined || here === undefined) return there === here;
      const { rawScore, ...reply } = here;
      const near = rounded.predict(features);
      if (near.prediction !== here.prediction) quantisedApart++;
      else if (Math.abs(near.rawScore - rawScore) > rounded.errorBound(features)) return false;
      return JSON.stringify(reply) === JSON.stringify(there);
    });
  });
  await fc.assert(property, { numRuns: 150 });
  t.comment(`another class by rounding: ${quantisedApart}`);
});

const anyFamily: fc.Arbitrary<ModelInput['family']> = fc.oneof(
  fc.record({ name: fc.constant('fm' as const), factors: fc.constantFrom(1, 4), seed: fc.constant(7) }),
  fc.record({
    name: fc.constant('network' as const),
    hidden: fc.constantFrom<number[]>([3], [6, 4], [5, 4, 3]),
    seed: fc.constant(7),
  }),
);
const anyVectorModel: fc.Arbitrary<ModelInput> = fc
  .record({
    task: fc.constantFrom<'binary' | 'regression' | 'multiclass'>('binary', 'regression', 'multiclass'),
    family: anyFamily,
    intercept: fc.boolean(),
    standardize: fc.boolean(),
    standardizeLabel: fc.boolean(),
  })
  .map(({ task, family, intercept, standardize, standardizeLabel }) => {
    const possible = family?.name === 'fm' && task === 'multiclass' ? 'binary' : task;
    return {
      task: possible,
      ...(family && { family }),
      optimizer: { name: 'adagrad' },
      features: {
        bits: 10,
        intercept,
        standardize,
        standardizeLabel: standardizeLabel && possible === 'regression',
      },
    };
  });

t.test('an exported model - with vectors of features predicts what the server does', async (t) => {
  let isOff = false;
  const property = fc.asyncProperty(anyVectorModel, anyEvents, anyFeatures, async (model, events, asked) => {
    const server = learned(model, events);
    const edge = await exportedModel(server);
    const rounded = await Promise.all([exportedModel(server, 'q2.13'), exportedModel(server, 'f16')]);
    return [asked, ...events.map(([features]) => features)].every((features) => {
      const [there, here] = [
        answerOf(() => server.predict(features)),
        answerOf(() => edge.predict(features)),
      ];
      if (there === undefined || here === undefined) return there === here;
      const { rawScore, ...reply } = here;
      return (
        JSON.stringify(reply) === JSON.stringify(there) &&
        rounded.every((one) => {
          const near = answerOf(() => one.predict(features));
          if (near === undefined) return false;
          isOff ||= near.rawScore !== rawScore;
          if (near.prediction !== here.prediction && model.task !== 'regression') return true;
          return Math.abs(near.rawScore - rawScore) <= one.errorBound(features);
        })
      );
    });
  });
  await fc.assert(property, { numRuns: 200 });
  t.ok(isOff, 'something was rounded');
});

t.test('an exported model - of a matrix factorisation predicts what the server does', async () => {
  const pair = fc.record({
    who: fc.constantFrom('ann', 'bo', 'cy'),
    what: fc.constantFrom<string | number>('x', 'y', 7),
  });
  const events = fc.array(fc.tuple(pair, fc.constantFrom(1, 2, 5)), { maxLength: 20 });
  const property = fc.asyncProperty(events, pair, fc.boolean(), async (log, asked, isImplicit) => {
    const fields = { user: 'who', item: 'what', factors: 3 };
    const server = learned(
      {
        task: isImplicit ? 'binary' : 'regression',
        family: { name: 'mf', ...fields, ...(isImplicit && { feedback: 'implicit', items: 64 }) },
        optimizer: { name: 'adagrad' },
        features: { bits: 10 },
      },
      log.map(([features, label]) => [features, isImplicit ? 1 : label]),
    );
    const [edge, rounded] = await Promise.all([exportedModel(server), exportedModel(server, 'f16')]);
    const { rawScore, ...reply } = edge.predict(asked);
    const difference = Math.abs(rounded.predict(asked).rawScore - rawScore);
    return (
      JSON.stringify(reply) === JSON.stringify(server.predict(asked)) &&
      difference <= rounded.errorBound(asked)
    );
  });
  await fc.assert(property, { numRuns: 100 });
});

t.test('an exported model - of a family that is not known here is refused by name', async (t) => {
  const file = await exportedFile(learned({}, [[{ a: 1 }, 1]]));
  const { header, ...parts } = readEdge(file);
  const other = (changes: object) =>
    Buffer.concat([...edgeChunks({ header: { ...header, ...changes } as EdgeHeader, ...parts })]);
  t.equal(loadModel(other({})).header.rows, header.rows);
  t.throws(() => loadModel(other({ family: { name: 'forest' } })), { message: /family "forest"/ });
  t.throws(() => loadModel(other({ features: { ...header.features, exactIds: {} } })), {
    message: /exactIds/,
  });
  t.throws(() => loadModel(other({ weights: { type: 'int4', scale: 1 } })), { message: /int4/ });
  const refused: readonly NonNullable<ModelInput['optimizer']>[] = [
    { name: 'nag', l1: 0.1 },
    { name: 'coin' },
    { name: 'pistol' },
    { name: 'adagrad', plainInterceptRate: 0.1 },
    { name: 'momentum', plainInterceptRate: 0.1 },
    { name: 'ftrl', plainInterceptRate: 0.1 },
    { name: 'adam', plainInterceptRate: 0.1 },
  ];
  for (const optimizer of refused) {
    await t.rejects(exportedFile(learned({ optimizer }, [])), {
      message: `m cannot be exported to predict only: optimizer "${optimizer.name}" as it is set; others can`,
    });
  }
  await t.rejects(exportedFile(learned({ features: { exactIds: { of: ['a'] } } }, [])), {
    message: /m cannot be exported to predict only: features.exactIds/,
  });
});

t.test('an exported model - n-grams, affixes and silent features are hashed alike', async (t) => {
  const input: ModelInput = {
    features: {
      ngrams: [{ of: 'words', n: 3, skips: 1 }],
      affixes: [{ of: 'city', at: 'prefix', length: 2 }],
      ignoreLinear: ['silent'],
      interactions: [['silent', 'city']],
    },
  };
  const features = { words: ['a', 'b', 'c', 'd'], city: 'Zürich', silent: 's' };
  const server = learned(input, [
    [features, 1],
    [{ ...features, words: ['d', 'a'] }, 0],
    [features, 1],
  ]);
  const edge = await exportedModel(server);
  t.equal(edge.predict(features).score, server.predict(features).score);
  t.not(edge.predict(features).score, edge.predict({ words: ['a'] }).score);
});

for (const quantization of ['q2.13', 'f16'] as const) {
  t.test(`an exported model - quantised to ${quantization} stays within its bound`, async () => {
    let isOff = false;
    const property = fc.asyncProperty(anyModel, anyEvents, anyFeatures, async (input, events, features) => {
      const server = learned(input, events);
      const [exact, edge] = await Promise.all([exportedModel(server), exportedModel(server, quantization)]);
      const raw = answerOf(() => exact.predict(features))?.rawScore;
      const rounded = answerOf(() => edge.predict(features))?.rawScore;
      if (raw === undefined || rounded === undefined) return raw === rounded;
      isOff ||= rounded !== raw;
      return Math.abs(rounded - raw) <= edge.errorBound(features);
    });
    await fc.assert(property, { numRuns: 100 });
    t.ok(isOff, 'something was rounded');
  });
}

t.test(
  'an exported model - weights that 16 bits cannot hold are scaled, all by one power of two',
  async (t) => {
    const events = Array.from({ length: 50 }, (_, i): [Features, number] => [{ n: 0.001 }, i + 1000]);
    const server = learned(
      { task: 'regression', optimizer: { name: 'sgd', learningRate: 100 } as OptimizerConfig },
      events.slice(0, 3),
    );
    const edge = await exportedModel(server, 'q2.13');
    const { scale, type } = edge.header.weights;
    t.equal(type, 'q2.13');
    t.ok(scale > 1 && Number.isInteger(Math.log2(scale)));
    const difference = Math.abs(edge.predict({ n: 1 }).rawScore - server.predict({ n: 1 }).score);
    t.ok(difference <= edge.errorBound({ n: 1 }), `${difference} is within ${edge.errorBound({ n: 1 })}`);
  },
);

t.test('an exported model - holds rows with a weight only, and says what it is', async (t) => {
  const server = learned({ optimizer: { name: 'ftrl', l1: 5 } as OptimizerConfig }, [
    [{ a: 'x', b: 'y' }, 1],
  ]);
  const edge = await exportedModel(server);
  t.equal(edge.header.rows, 0, 'l1 keeps every weight at 0');
  t.match(edge.header, {
    model: 'm',
    version: 3,
    seq: 40,
    family: { name: 'linear' },
    task: 'binary',
    loss: 'logistic',
  });
  t.equal(edge.predict({ a: 'x' }).score, 0.5);
  const plain = learned({ optimizer: { name: 'sgd' } as OptimizerConfig }, [[{ a: 'x', b: 'y' }, 1]]);
  const { header } = await exportedModel(plain);
  t.match(header, { rows: 3, weights: { type: 'f32', scale: 1 } });
});

t.test('what cannot be predicted - is refused as the server refuses it', async (t) => {
  const server = learned({ limits: { featuresMax: 3, depthMax: 2 } }, []);
  const edge = await exportedModel(server);
  const cases = [
    { a: [1, 'x'] },
    { a: Number.NaN },
    { a: 1, b: 2, c: 3, d: 4 },
    { a: { b: { c: 1 } } },
    { a: 1n },
  ];
  for (const features of cases as unknown as Features[]) {
    const said = (predict: () => unknown): string => {
      try {
        return String(predict());
      } catch (error) {
        return error instanceof MillraceError ? `${error.code} ${error.message}` : 'not refused';
      }
    };
    const refusal = said(() => edge.predict(features));
    t.match(refusal, /^4\d\d features/);
    t.equal(
      refusal,
      said(() => server.predict(features)),
    );
  }
});

t.test('a file - that is cut short, damaged or something else is refused', async (t) => {
  const file = await exportedFile(learned({}, [[{ a: 'x', n: 2 }, 1]]), 'f16');
  t.equal(loadModel(file).header.rows, 3);
  const padded = new Uint8Array(file.length + 3);
  padded.set(file, 3);
  t.equal(loadModel(padded.subarray(3)).header.rows, 3, 'wherever the bytes lie');
  t.equal(loadModel(padded.slice(3).buffer).header.rows, 3);
  for (const length of [0, 7, 19, file.length - 8, file.length - 1])
    t.throws(() => loadModel(file.subarray(0, length)), { name: 'MillraceError' }, `${length} bytes`);
  for (let at = 0; at < file.length; at++) {
    const damaged = file.slice();
    damaged[at]! ^= 1 << (at % 8);
    t.throws(() => loadModel(damaged), { name: 'MillraceError' }, `byte ${at}`);
  }
});
