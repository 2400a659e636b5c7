import fc from 'fast-check';
import t from 'tap';
import { validateModel } from '../../config/load.ts';
import type { ModelInput } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import type { Features } from '../../src/protocol/messages.ts';
import type { Ranking } from '../../src/protocol/score-messages.ts';
import { rankEndpoint } from '../../src/replica/rank-endpoint.ts';
import { Scorer } from '../../src/replica/scorer.ts';

const provenance = { model: 'm', version: 3, seq: 7, ageMs: 1 };

/** A model of shops and products that has learned a little. */
function endpointOf(input: ModelInput = {}) {
  const config = validateModel('m', { kernel: 'cpu', optimizer: { name: 'ftrl' }, ...input });
  const built = buildModel(config);
  const model = new SequentialModel(config);
  for (let i = 0; i < 60; i++) {
    const features = { hour: i % 24, shop: `s${i % 3}`, product: `p${i % 5}`, price: i % 7 };
    model.step({ features, label: i % 5 === 2 ? 1 : 0 });
    model.step({ features: { a: i % 2 ? 'x' : 'y', b: ['x', 'z'], c: { d: 'x' } }, label: i % 2 });
  }
  const endpoint = rankEndpoint(built, { ...config.limits, ...config.rank });
  const scorer = new Scorer(built.definition, built.featurizer, built.model);
  return {
    rank: (body: unknown) => endpoint(body).answer({ table: model.table, provenance }) as Ranking,
    score: (features: Features) => scorer.score(features, model.table, 0).score,
  };
}

const products = Array.from({ length: 5 }, (_, i) => ({
  id: `p${i}`,
  features: { product: `p${i}`, price: i },
}));
const context = { hour: 9, shop: 's1' };

t.test(
  'rank - orders candidates by the score that predict gives context and candidate together',
  async (t) => {
    for (const interactions of [[], [['shop', 'product']]]) {
      const { rank, score } = endpointOf({ features: { interactions } });
      const ranking = rank({ context, candidates: products });
      t.match(ranking, provenance);
      t.equal(ranking.items[0]?.id, 'p2');
      t.notOk('propensity' in ranking.items[0]!);
      for (const { id, score: got } of ranking.items) {
        t.equal(got, score({ ...context, ...products.find((one) => one.id === id)!.features }));
      }
      const scores = ranking.items.map((item) => item.score);
      t.strictSame(
        scores,
        scores.toSorted((left, right) => right - left),
      );
      t.strictSame(rank({ context, candidates: products, top: 2 }).items, ranking.items.slice(0, 2));
    }
  },
);

t.test(
  'rank - ties keep the order of the request; more places than candidates are all of them',
  async (t) => {
    const { rank } = endpointOf();
    const candidates = ['x', 'y', 'z'].map((id) => ({ id, features: {} }));
    t.strictSame(
      rank({ candidates, top: 9 }).items.map(({ id }) => id),
      ['x', 'y', 'z'],
    );
  },
);

const anyName = fc.constantFrom('a', 'b', 'c.d', '7', '12', 'é');
const anyFeatures: fc.Arbitrary<Features> = fc.dictionary(
  anyName,
  fc.oneof(
    fc.constantFrom<string | number | boolean>('x', 'y', 0.1, 1e-3, true),
    fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }),
    fc.record({ d: fc.constantFrom<string | number>('x', 0.3) }),
  ),
);

t.test('rank - is predict bit for bit, whatever the features, with few rows too', async () => {
  const models = [
    { bits: 8 },
    { bits: 18, intercept: false },
    { interactions: [['a', 'b']] },
    { exactIds: { of: ['a', 'b'] } },
  ].map((features) => endpointOf({ features }));
  const property = fc.property(
    fc.constantFrom(...models),
    anyFeatures,
    fc.array(anyFeatures, { minLength: 1, maxLength: 4 }),
    (model, around, all) => {
      const candidates = all.map((features, i) => ({
        id: String(i),
        features: Object.fromEntries(
          Object.entries(features).filter(([name]) => !Object.hasOwn(around, name)),
        ),
      }));
      const { items } = model.rank({ context: around, candidates });
      return items.every(({ id, score }) =>
        Object.is(score, model.score({ ...around, ...candidates[Number(id)]!.features })),
      );
    },
  );
  fc.assert(property, { numRuns: 400 });
});

t.test(
  'exploration - of one id is the same each time; the request overrules the configuration',
  async (t) => {
    const { rank } = endpointOf({ rank: { explore: { name: 'epsilon-greedy', epsilon: 1 } } });
    const orderOf = (id: string, explore?: object) =>
      rank({ id, context, candidates: products, explore }).items;
    t.strictSame(orderOf('a'), orderOf('a'));
    t.equal(orderOf('a')[0]?.propensity, 1 / 5);
    const orders = new Set(Array.from({ length: 50 }, (_, i) => JSON.stringify(orderOf(`r${i}`))));
    t.ok(orders.size > 20, 'other ids, other orders');
    t.strictSame(orderOf('a', { name: 'none' })[0]?.propensity, undefined);
    const soft = orderOf('a', { name: 'softmax', temperature: 0.5, uncertainty: 1 });
    t.ok(soft.every(({ propensity }) => propensity! > 0));
    t.equal(rank({ id: 'mine', candidates: products }).id, 'mine');
    t.match(rank({ candidates: products }).id, /^[0-9a-f-]{36}$/);
  },
);

function refusalOf(body: unknown, input?: ModelInput): string {
  try {
    endpointOf({ limits: { candidatesMax: 5 }, ...input }).rank(body);
  } catch (error) {
    if (error instanceof MillraceError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'answered';
}

t.test('what is wrong - is refused by the name of the field, and the whole request with it', async (t) => {
  const [one, two] = products;
  const cases: readonly (readonly [body: unknown, refusal: RegExp])[] = [
    [[], /^400 a rank request is an object/],
    [{}, /^400 candidates: expected an array/],
    [{ candidates: [] }, /^400 candidates: expected at least one/],
    [
      { candidates: [...products, { id: 'z', features: {} }] },
      /^413 candidates: 6; at most 5 \(limits.candidatesMax\)/,
    ],
    [{ candidates: [3] }, /^400 candidates\[0\]: expected an object with id and features, got 3/],
    [{ candidates: [{ features: {} }] }, /^400 candidates\[0\].id: missing/],
    [{ candidates: [{ id: 7, features: {} }] }, /^400 candidates\[0\].id: expected a text/],
    [{ candidates: [one, two, one] }, /^400 candidates\[2\].id: the same as that of candidates\[0\]/],
    [{ candidates: [{ id: 'a' }] }, /^400 candidates\[0\].features: expected an object, got nothing/],
    [
      { candidates: [one, { id: 'a', features: { n: [1, 'x'] } }] },
      /^400 candidates\[1\].features.n: expected an array/,
    ],
    [{ context: [], candidates: [one] }, /^400 context: expected an object/],
    [{ context: { n: Number.NaN }, candidates: [one] }, /^400 context.n: expected a finite number/],
    [
      { context: { price: 2 }, candidates: [one] },
      /^400 candidates\[0\].features.price: the context has it too/,
    ],
    [{ candidates: [one], top: 0 }, /^400 top: expected a whole number from 1, got 0/],
    [{ candidates: [one], minSeq: -1 }, /^400 minSeq: /],
    [{ candidates: [one], id: '' }, /^400 id: /],
    [
      { candidates: [one], explore: 'softmax' },
      /^400 explore: expected an object whose "name" is .*, got "softmax"/,
    ],
    [
      { candidates: [one], explore: { name: 'greedy' } },
      /^400 explore.name: expected "none", "epsilon-greedy" or "softmax", got "greedy"/,
    ],
    [
      { candidates: [one], explore: { name: 'epsilon-greedy', epsilon: 2 } },
      /^400 explore.epsilon: expected a number from 0 to 1, got 2/,
    ],
    [
      { candidates: [one], explore: { name: 'softmax', epsilon: 0.1 } },
      /^400 explore.epsilon: unknown key here; it is a setting of "epsilon-greedy"/,
    ],
  ];
  for (const [body, refusal] of cases) t.match(refusalOf(body), refusal);
  const wide = { candidates: [{ id: 'a', features: { tags: ['x', 'y', 'z'] } }], context };
  t.match(refusalOf(wide, { limits: { featuresMax: 4 } }), /^413 candidates\[0\].features: more than 4/);
  const sgd: ModelInput = { optimizer: { name: 'sgd' } };
  const explore = { name: 'softmax', uncertainty: 1 };
  t.match(refusalOf({ candidates: [one], explore }, sgd), /^400 uncertainty: not there for optimizer sgd/);
  t.equal(refusalOf({ candidates: [one], explore: { name: 'softmax' } }, sgd), 'answered');
});

t.test('anything at all - is accepted or refused, never something else', async (t) => {
  const { rank } = endpointOf();
  const wild = fc.oneof(
    fc.anything(),
    fc.record({
      context: fc.anything(),
      candidates: fc.array(fc.record({ id: fc.anything(), features: fc.anything() })),
    }),
    fc.record({ candidates: fc.constant(products), top: fc.anything(), explore: fc.anything() }),
  );
  const property = fc.property(wild, (body) => {
    try {
      return rank(body).items.length > 0;
    } catch (error) {
      return error instanceof MillraceError;
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});
