import t from 'tap';
import { dataFolder } from '../../quality/data.ts';
import { optionsOf } from '../../quality/vw/command-line.ts';
import { runCases } from '../../quality/vw/part.ts';

// Recorded streams are long for a busy machine.
t.setTimeout(180_000);

const data = await dataFolder();
const skip = data === undefined && 'no measuring data here';

t.test("Vowpal Wabbit's suite - average losses of its own runs", { skip }, async (t) => {
  const only = [
    'vw-36',
    'vw-21',
    'vw-70',
    'vw-71',
    'vw-79',
    'vw-160',
    'vw-189',
    'vw-393',
    'vw-490',
    'vw-594',
  ];
  const say = () => {};
  const results = await runCases({ data: data!, only, say, python: undefined, write: false });
  t.same(results.map(({ id, verdict }) => [id, verdict]).sort(), only.map((id) => [id, 'reproduced']).sort());
});

t.test("Vowpal Wabbit's suite - its command lines", async (t) => {
  const options = optionsOf(
    '-k -l 20 --oaa=4 -q ab -q cd --classweight 1:2,-1:5 --holdout_off --constant -3',
  );
  t.same(
    [...options],
    [
      ['k', []],
      ['learning_rate', ['20']],
      ['oaa', ['4']],
      ['quadratic', ['ab', 'cd']],
      ['classweight', ['1:2,-1:5']],
      ['holdout_off', []],
      ['constant', ['-3']],
    ],
  );
  t.throws(() => optionsOf('stray'), /belongs to no option/);
});
