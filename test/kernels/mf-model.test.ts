import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';
import { checkModel, TableModel } from '../checks/online-model.ts';
import { randomOf } from '../support/data.ts';

const pair = { name: 'mf', user: 'user', item: 'item' } as const;
const explicit: ModelInput = { family: pair, task: 'regression', kernel: 'cpu', features: { bits: 10 } };
const implicit: ModelInput = {
  family: { ...pair, feedback: 'implicit', items: 256, negatives: 16 },
  kernel: 'cpu',
  features: { bits: 10 },
};

/** Users and items of two kinds: a user likes the items of the own kind. */
function eventsOf(seed: number, count: number): { user: number; item: string; isLiked: boolean }[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, () => {
    const [user, item] = [Math.floor(random() * 20), Math.floor(random() * 16)];
    return { user, item: `i${item}`, isLiked: user % 2 === item % 2 };
  });
}

const ratings: LearnEvent[] = eventsOf(1, 300).map(({ user, item, isLiked }) => ({
  features: { user, item },
  label: isLiked ? 5 : 2,
}));
const taken: LearnEvent[] = eventsOf(2, 400)
  .filter(({ isLiked }) => isLiked)
  .map(({ user, item }) => ({ features: { user, item }, label: true }));

checkModel(t, 'mf, ratings', explicit, ratings);
checkModel(t, 'mf, what users took', implicit, taken);
checkModel(t, 'mf, without intercept', { ...implicit, features: { bits: 9, intercept: false } }, taken);

t.test('mf - of ratings is a factorisation machine of two fields, to the bit', async (t) => {
  const model = new TableModel(explicit);
  const machine = new TableModel({ ...explicit, family: { name: 'fm', learningRate: 0.15 } });
  let apart = 0;
  for (const event of ratings) {
    const raw = machine.built.model.learn(machine.table, model.view(event), event.label, 1);
    if (model.learn(event) !== raw) t.fail('another score');
    apart = 0.99 * apart + 0.01 * Math.abs(raw - (event.label as number));
  }
  t.equal(model.bits, machine.bits);
  t.ok(apart < 1.2, `labels of 2 and 5 were missed by ${apart} lately`);
});

t.test('mf - of what users took, an item of their kind scores above one of the other', async (t) => {
  const model = new TableModel(implicit);
  for (let pass = 0; pass < 12; pass++) for (const event of taken) model.learn(event);
  let [right, all] = [0, 0];
  for (let user = 0; user < 20; user++) {
    const scoreOf = (item: number) => model.predict({ features: { user, item: `i${item}` }, label: 0 });
    for (let item = 0; item < 16; item += 2) {
      const [own, other] = user % 2 === 0 ? [item, item + 1] : [item + 1, item];
      all++;
      if (scoreOf(own) > scoreOf(other)) right++;
    }
  }
  t.ok(right / all > 0.75, `${right} of ${all}`);
});

t.test('mf - samples only items that were learned, never the one that was taken', async (t) => {
  const model = new TableModel(implicit);
  const { layout } = model.built.model;
  const touched = () => {
    const rows: number[] = [];
    for (let key = 0; key < layout.keyCount; key++) {
      if (model.table[key * layout.width + 1]! > 0) rows.push(key);
    }
    return rows;
  };
  model.learn({ features: { user: 1, item: 'a' }, label: 1 });
  t.equal(touched().length, 3, 'the intercept, the user and the item: nothing else is known yet');
  for (const { features } of taken) model.learn({ features, label: 1 });
  const known = touched().length;
  const before = model.table.slice();
  model.learn({ features: { user: 1, item: 'a' }, label: 0 });
  t.equal(touched().length, known, 'an item that nobody took is never sampled');
  const changed = touched().filter(
    (key) => before[key * layout.width + 1] !== model.table[key * layout.width + 1],
  );
  t.equal(changed.length, 3, 'an event with label 0 is learned alone');
});

t.test(
  'mf - users and items never meet in a row, and a field that is missing is refused by name',
  async (t) => {
    const model = new TableModel(explicit);
    for (let n = 0; n < 500; n++) {
      const { rows } = model.view({ features: { user: n, item: n } });
      if (rows[1]! % 2 !== 0 || rows[2]! % 2 !== 1) t.fail(`${n}: rows ${rows[1]} and ${rows[2]}`);
    }
    t.throws(() => model.view({ features: { user: 1 } }), {
      kind: 'badInput',
      message: 'features.item: expected a string, a number or a boolean, got nothing',
    });
    t.throws(() => model.view({ features: { user: ['a'], item: 1 } }), {
      message: /^features\.user: .*got object/,
    });
    const named = model.built.featurizer.featurizeNamed(
      { user: 7, item: 'x', other: 1 },
      model.built.featurizer.vector(),
    );
    t.same(
      named.map(({ name }) => name),
      ['user=7', 'item=x'],
    );
  },
);
