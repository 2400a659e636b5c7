import t from 'tap';
import { dataFolder } from '../../quality/data.ts';
import { runRiver } from '../../quality/river/part.ts';

// Recorded streams are long for a busy machine.
t.setTimeout(180_000);

const data = await dataFolder();
const skip = data === undefined && 'no measuring data here';

t.test("River's figures - of its optimisers over the same rows", { skip }, async (t) => {
  const optimizers = [
    'lr',
    'lr01',
    'adagrad',
    'adam',
    'momentum',
    'rmsprop',
    'adadelta',
    'adamax',
    'amsgrad',
    'nadam',
    'adabound',
  ];
  const only = [
    ...optimizers.map((name) => `river-phishing-${name}`),
    'river-chick-lin',
    'river-chick-regularization',
  ];
  const results = await runRiver({ data: data!, only, say: () => {}, python: undefined, write: false });
  t.same(results.map(({ id, verdict }) => [id, verdict]).sort(), only.map((id) => [id, 'reproduced']).sort());
});
