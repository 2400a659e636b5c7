/**
 * Goal: the simulation can fail, and the list of mistakes that it finds keeps up with the product.
 * Method: every edit's text is looked for in the sources; one mistake is made and found
 * (`npm run simulate -- --mutations` makes them all).
 */
import t from 'tap';
import { findIn, mutated } from './mutate.ts';
import { mutations } from './mutations.ts';

t.setTimeout(170_000);

t.test('mutations - each stands exactly once in the sources', async (t) => {
  for (const mutation of mutations) t.doesNotThrow(() => mutated(mutation), mutation.name);
  t.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length, 'each has a name of its own');
});

t.test('mutations - one is made in a copy of the product and found by a seed', async (t) => {
  const mutation = mutations.find(({ name }) => name === 'a commit that is repeated is applied again');
  const found = findIn(mutation!, 30, 1);
  t.match(found, { seed: Number, difference: /the loop has/ });
});
