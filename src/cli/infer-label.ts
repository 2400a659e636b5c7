/** What a label column means: two classes (and which of them is 1), or a number. */
import { SetupError } from '../base/errors.ts';
import type { ColumnFacts } from '../formats/column-facts.ts';

export type LabelChoice =
  | {
      readonly task: 'binary';
      readonly name: string;
      /** The value that means 1, where the column is not 0 and 1 already. */
      readonly positive: string | undefined;
      readonly share: number;
      readonly why: string;
    }
  | {
      readonly task: 'regression';
      readonly name: string;
      readonly mean: number;
      readonly deviation: number;
      readonly why: string;
    };

const yesWords =
  /^(1|y|yes|t|true|pos|positive|late|delayed|spam|fraud|click|clicked|churn|churned|up|anomaly|attack|win|won)$/i;

export function labelChoice(column: ColumnFacts, rows: number, positive: string | undefined): LabelChoice {
  const { name, distinct, present } = column;
  if (present === 0) throw new SetupError(`column "${name}" is empty; name another with --label`);
  if (positive !== undefined) return namedPositive(column, positive);
  const values = [...distinct.keys()];
  if (values.length === 1 && present > 1) {
    throw new SetupError(`column "${name}" is ${values[0]} in all ${rows} rows; there is nothing to learn`);
  }
  if (values.length === 2 && !column.manyDistinct) return twoValues(column, values);
  if (column.numbers === present) {
    const why = `${name} has ${column.manyDistinct ? 'many' : distinct.size} different numbers`;
    return { task: 'regression', name, mean: column.mean, deviation: column.deviation, why };
  }
  const some = values.slice(0, 5).join(', ');
  throw new SetupError(
    `column "${name}" has ${distinct.size} classes (${some}, ...); a model learns two classes or a number: name the class that means 1 with --positive VALUE`,
  );
}

function namedPositive({ name, distinct, present }: ColumnFacts, positive: string): LabelChoice {
  const count = distinct.get(positive);
  if (count === undefined) {
    const some = [...distinct.keys()].slice(0, 5).join(', ');
    throw new SetupError(`column "${name}" is never "${positive}"; it has ${some}`);
  }
  return {
    task: 'binary',
    name,
    positive,
    share: count / present,
    why: `${positive} was named as the class that means 1`,
  };
}

function twoValues(
  { name, distinct, present, booleans }: ColumnFacts,
  values: readonly string[],
): LabelChoice {
  const [first, second] = values as [string, string];
  const shareOf = (value: string) => distinct.get(value)! / present;
  const said = `${name} has two values, ${first} and ${second}`;
  const plain = booleans === present ? 'true' : '1';
  if (booleans === present || (values.includes('0') && values.includes('1'))) {
    return { task: 'binary', name, positive: undefined, share: shareOf(plain), why: said };
  }
  const yes = values.filter((value) => yesWords.test(value));
  const rarer = distinct.get(first)! <= distinct.get(second)! ? first : second;
  const positive = yes.length === 1 ? yes[0]! : rarer;
  const because = yes.length === 1 ? '' : ', the rarer one';
  return {
    task: 'binary',
    name,
    positive,
    share: shareOf(positive),
    why: `${said}; ${positive} is taken for 1${because}`,
  };
}
