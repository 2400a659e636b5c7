/**
 * Poisson loss in every family. A raw score is the logarithm of a count, so nothing that holds for labels may hold it.
 * Goal: counts of two groups are told apart. Method: 2,000 events of counts above 5, by the server's model and at the edge.
 */
import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { randomFrom } from '../checks/kernels.ts';
import { type Event, exportedModel, learned } from '../edge/exported.ts';

const families: readonly ModelInput['family'][] = [
  { name: 'linear' },
  { name: 'fm' },
  { name: 'mf', user: 'user', item: 'item' },
  { name: 'network' },
];

for (const family of families) {
  t.test(`poisson - ${family?.name}: predicts counts`, async (t) => {
    const random = randomFrom(3);
    const events = Array.from({ length: 2000 }, (): Event => {
      const isFew = random() < 0.5;
      return [{ user: isFew ? 'few' : 'many', item: `i${Math.floor(3 * random())}` }, isFew ? 6 : 9];
    });
    const server = learned({ task: 'regression', loss: 'poisson', family, features: { bits: 10 } }, events);
    const edge = await exportedModel(server);
    for (const [user, count] of [
      ['few', 6],
      ['many', 9],
    ] as const) {
      const { score } = server.predict({ user, item: 'i1' });
      t.ok(Math.abs(score - count) < 0.5, `${score} for ${count}`);
      t.equal(edge.predict({ user, item: 'i1' }).score, score);
    }
  });
}
