import fc from 'fast-check';
import t from 'tap';
import { type ExploreConfig, exploreSchema } from '../../config/explore-schema.ts';
import { seededRandom } from '../../src/base/seeded-random.ts';
import { type Candidates, type Ranked, rankingOf } from '../../src/replica/exploration.ts';

const candidatesOf = (raw: readonly number[], uncertainty?: readonly number[]): Candidates => ({
  raw: Float64Array.from(raw),
  ...(uncertainty && { uncertainty: Float64Array.from(uncertainty) }),
});
const none: ExploreConfig = { name: 'none' };
const anyPolicy: fc.Arbitrary<ExploreConfig> = fc.oneof(
  fc.constant(none),
  fc.record({
    name: fc.constant('epsilon-greedy' as const),
    epsilon: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({
    name: fc.constant('softmax' as const),
    temperature: fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
    uncertainty: fc.double({ min: 0, max: 10, noNaN: true }),
  }),
);

t.test('a ranking - without exploration is best first, equals in their order', async (t) => {
  const ranking = rankingOf(candidatesOf([1, 3, 1, 2, 3]), 4, none, () => 0);
  t.strictSame(ranking, [{ candidate: 1 }, { candidate: 4 }, { candidate: 3 }, { candidate: 0 }]);
});

t.test('a ranking - holds each candidate once, with probabilities, whatever the policy', async () => {
  const scores = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });
  const property = fc.property(
    scores,
    anyPolicy,
    fc.integer({ min: 1, max: 50 }),
    fc.string(),
    (raw, policy, top, seed) => {
      const ranking = rankingOf(candidatesOf(raw, raw.map(Math.abs)), top, policy, seededRandom(seed));
      const seen = new Set(ranking.map(({ candidate }) => candidate));
      const areProbabilities = ranking.every(
        ({ propensity }) =>
          (policy.name === 'none') === (propensity === undefined) &&
          !(propensity! < 0 || propensity! > 1 + 1e-12),
      );
      return ranking.length === Math.min(top, raw.length) && seen.size === ranking.length && areProbabilities;
    },
  );
  fc.assert(property, { numRuns: 500 });
});

/** What the policy says of itself: the probability of every list of two places. */
function stated(rankings: readonly Ranked[][]): Map<string, number> {
  const lists = new Map<string, number>();
  for (const ranking of rankings) {
    const product = ranking.reduce((chance, { propensity }) => chance * propensity!, 1);
    lists.set(ranking.map(({ candidate }) => candidate).join(','), product);
  }
  return lists;
}

const runs = 60_000;
/** 99.9 % of chi-square with so many degrees of freedom lie below. */
const bounds: Readonly<Record<number, number>> = { 11: 31.3 };

t.test(
  'propensities - are the frequencies with which it happens, for every list of two places',
  async (t) => {
    const candidates = candidatesOf([0.4, -0.2, 1.1, 0.4], [0.5, 2, 0.1, 0.4]);
    const policies: readonly ExploreConfig[] = [
      { name: 'epsilon-greedy', epsilon: 0.3 },
      { name: 'epsilon-greedy', epsilon: 1 },
      { name: 'softmax', temperature: 1, uncertainty: 0 },
      { name: 'softmax', temperature: 0.7, uncertainty: 0.8 },
    ];
    for (const policy of policies) {
      const rankings = Array.from({ length: runs }, (_, i) =>
        rankingOf(candidates, 2, policy, seededRandom(`m/request-${i}`)),
      );
      const counts = new Map<string, number>();
      for (const ranking of rankings) {
        const list = ranking.map(({ candidate }) => candidate).join(',');
        counts.set(list, (counts.get(list) ?? 0) + 1);
      }
      const lists = stated(rankings);
      t.equal(lists.size, 12, 'every list of two of four occurs');
      const total = [...lists.values()].reduce((sum, chance) => sum + chance, 0);
      t.ok(Math.abs(total - 1) < 1e-9, 'the probabilities of all lists add up to 1');
      let chiSquare = 0;
      for (const [list, chance] of lists)
        chiSquare += ((counts.get(list) ?? 0) - runs * chance) ** 2 / (runs * chance);
      t.ok(
        chiSquare < bounds[lists.size - 1]!,
        `${JSON.stringify(policy)}: chi-square ${chiSquare.toFixed(1)}`,
      );
    }
  },
);

t.test('epsilon-greedy - without chance is best first, for sure', async (t) => {
  const ranking = rankingOf(
    candidatesOf([1, 3, 2]),
    3,
    { name: 'epsilon-greedy', epsilon: 0 },
    seededRandom('x'),
  );
  t.strictSame(
    ranking,
    [1, 2, 0].map((candidate) => ({ candidate, propensity: 1 })),
  );
});

t.test('softmax - of scores far apart says nothing that is no probability', async (t) => {
  const policy = exploreSchema.parse({ name: 'softmax', temperature: 1e-6 });
  const ranking = rankingOf(candidatesOf([3e38, -3e38, 0]), 3, policy, seededRandom('x'));
  t.strictSame(
    ranking.map(({ candidate }) => candidate),
    [0, 2, 1],
  );
  t.strictSame(
    ranking.map(({ propensity }) => propensity),
    [1, 1, 1],
  );
});

t.test('softmax - draws more often what is less certain', async (t) => {
  const policy = exploreSchema.parse({ name: 'softmax', uncertainty: 2 });
  const [first] = rankingOf(candidatesOf([0, 0], [1, 0]), 1, policy, () => 0.5);
  t.equal(first!.candidate, 0);
  t.ok(Math.abs(first!.propensity! - 1 / (1 + Math.exp(-2))) < 1e-12);
});
