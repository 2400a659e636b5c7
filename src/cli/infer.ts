/**
 * From what a sample says of its columns to a proposal: what the label is, which columns are no features, which
 * numbers are names. Every decision carries its reason, because it is a guess that somebody shall read.
 */
import { SetupError } from '../base/errors.ts';
import type { ColumnFacts } from '../formats/column-facts.ts';
import { type LabelChoice, labelChoice } from './infer-label.ts';
import { timeColumn } from './infer-time.ts';

export interface Proposal {
  readonly label: LabelChoice;
  readonly id: string | undefined;
  readonly time: string | undefined;
  /** Columns that are left out, with the reason. */
  readonly dropped: readonly { readonly name: string; readonly why: string }[];
  /** Columns of numbers that are names. */
  readonly categorical: readonly string[];
  readonly features: readonly ColumnFacts[];
  /** log2 of the rows of the hashed table. */
  readonly bits: number;
}

/** With fewer rows "unique in every row" says nothing. */
const rowsForUnique = 20;

/** Room per distinct value, so that few share a row of the table. */
const rowsPerValue = 8;

const idWord = /(^|[_\s-])(id|uuid|guid|key|no|nr|index|row)$/i;
const codeWord = /(^|[_\s-])(id|code|zip|zipcode|postcode|postal|phone|carrier|store|user|item|product)$/i;
/** `userId` but not `paid`. */
const camelId = /[a-z](Id|ID)$/;

const isIdName = (name: string): boolean => idWord.test(name) || camelId.test(name);
const isCodeName = (name: string): boolean => codeWord.test(name) || camelId.test(name);

export function infer(
  columns: readonly ColumnFacts[],
  rows: number,
  labelName: string,
  positive: string | undefined,
): Proposal {
  const labelFacts = columns.find((column) => column.name === labelName);
  if (labelFacts === undefined) {
    const names = columns.map((column) => column.name).join(', ');
    throw new SetupError(`there is no column "${labelName}" for the label; there are ${names}`);
  }
  const label = labelChoice(labelFacts, rows, positive);
  const others = columns.filter((column) => column !== labelFacts);
  const time = timeColumn(others);
  const dropped = others
    .filter((column) => column !== time)
    .map((column) => ({ name: column.name, why: whyDropped(column, rows) }))
    .filter((column): column is { name: string; why: string } => column.why !== undefined);
  const names = new Set(dropped.map((column) => column.name));
  const features = others.filter((column) => column !== time && !names.has(column.name));
  if (features.length === 0)
    throw new SetupError(
      'no column is left to learn from: every other one is a time, an id or the same in every row',
    );
  const categorical = features.filter(isCode).map((column) => column.name);
  const id = dropped.find((column) => column.why === unique && isIdName(column.name))?.name;
  return {
    label,
    id,
    time: time?.name,
    dropped,
    categorical,
    features,
    bits: bitsFor(features, categorical),
  };
}

const unique = 'different in every row';

function whyDropped(column: ColumnFacts, rows: number): string | undefined {
  const allDistinct =
    !column.manyDistinct && column.distinct.size === column.present && column.present === rows;
  const couldBeId =
    column.strings === rows || (column.integers === rows && (isIdName(column.name) || column.rising));
  if (rows >= rowsForUnique && couldBeId && (allDistinct || column.manyDistinct)) return unique;
  if (rows >= rowsForUnique && column.distinct.size === 1 && column.present === rows)
    return 'the same in every row';
  return undefined;
}

/** Whole numbers with the name of a code that come again: their size means nothing. */
const isCode = (column: ColumnFacts): boolean =>
  isCodeName(column.name) &&
  column.integers === column.present &&
  column.distinct.size > 2 &&
  column.distinct.size <= column.present / 2;

function bitsFor(features: readonly ColumnFacts[], categorical: readonly string[]): number {
  const values = features.map((column) => {
    const named = column.strings + column.others > 0 || categorical.includes(column.name);
    return named ? column.distinct.size + 1 : 1;
  });
  const wanted = Math.ceil(Math.log2(rowsPerValue * values.reduce((sum, count) => sum + count, 0)));
  return Math.min(22, Math.max(16, wanted));
}
