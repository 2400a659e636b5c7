/**
 * Features made from others, against Vowpal Wabbit's own. Goal: the same features, whatever their hashes. Method: its
 * progressive losses over three passes of these lines (version 9.11.9, --loss_function logistic -b 26), to which every
 * feature that is missing or too many would add. In the lines no feature comes twice, which it would keep apart, and
 * those of one namespace that are crossed with each other come in one order, which it would hash apart.
 */
import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { modelSchema } from '../../config/schema.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { readVw } from '../../src/formats/vw.ts';

const log = `1 |user anna age:0.3 |text the quick brown fox |page home
-1 |user bert age:0.5 |text the lazy dog sleeps |page home
1 |user anna age:0.3 |text the quick dog |page docs
-1 |user carl age:-0.2 |text a dog jumps the fox |page docs
1 |user bert age:0.5 |text quick lazy fox |page home
-1 |user anna age:0.3 |text lazy fox the dog |page home
1 |user carl age:-0.2 |text the quick brown dog |page docs
-1 |user bert age:0.5 |text the fox sleeps |page docs
`;
const withoutText = log.replace(/\|text [^|]*/g, '');

async function lossOf(text: string, features: ModelInput['features']): Promise<number> {
  const model = new SequentialModel(modelSchema.parse({ features: { bits: 26, ...features } }));
  for (let pass = 0; pass < 3; pass++) {
    const chunks = (async function* () {
      yield Buffer.from(text);
    })();
    for await (const row of readVw(chunks)) {
      if (row.kind === 'problem') throw new Error(row.problem);
      model.step({ ...row.value, label: row.value.label === 1 ? 1 : 0 });
    }
  }
  return model.metrics.averageLoss!;
}

const everything = [['*', '*']];
const cases: [flags: string, text: string, features: ModelInput['features'], loss: number][] = [
  ['', log, {}, 0.584062],
  ['-q uu --permutations', log, { interactions: [['user', 'user']], permutations: 'within' }, 0.647011],
  ['--cubic utp', log, { interactions: [['user', 'text', 'page']] }, 0.524945],
  ['--ngram 2', log, { ngrams: [{ of: '*', n: 2 }] }, 0.505505],
  ['--ngram 3 --skips 1', log, { ngrams: [{ of: '*', n: 3, skips: 1 }] }, 0.433953],
  [
    '--ngram t3 --skips t2 -q tp',
    log,
    { ngrams: [{ of: 'text', n: 3, skips: 2 }], interactions: [['text', 'page']] },
    0.365198,
  ],
  ['--ignore_linear t -q tu', log, { ignoreLinear: ['text'], interactions: [['text', 'user']] }, 0.599396],
  ['-q ::', withoutText, { interactions: everything }, 0.823613],
  [
    '-q :: --leave_duplicate_interactions',
    withoutText,
    { interactions: everything, permutations: 'across' },
    0.831686,
  ],
  ['-q :: --permutations', withoutText, { interactions: everything, permutations: 'within' }, 0.830657],
  ['--cubic u::', withoutText, { interactions: [['user', '*', '*']] }, 0.839631],
  ['--affix -2p', withoutText, { affixes: [{ of: 'page', at: 'suffix', length: 2 }] }, 0.791244],
];

for (const [flags, text, features, loss] of cases) {
  t.test(`vw ${flags} - has its loss`, async (t) => {
    const got = await lossOf(text, features);
    t.ok(Math.abs(got - loss) < 3e-6, `${got}, Vowpal Wabbit ${loss}`);
  });
}
