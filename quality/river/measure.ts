/** A pipeline over a stream, progressive: the figures by which River compares its own. */
import { modelSchema } from '../../config/schema.ts';
import { readCsv } from '../../src/formats/csv.ts';
import { openSource } from '../../src/formats/source.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import { viewOf } from '../../src/kernels/online-model.ts';
import type { Columns } from '../streams/sets.ts';
import type { RiverModel } from './models.ts';

export type RiverFigures = Readonly<Partial<Record<'accuracy' | 'f1' | 'macro_f1' | 'mae' | 'rmse', number>>>;

export async function measured(
  { model: input, label, positive, features, derived }: RiverModel,
  path: string,
): Promise<RiverFigures> {
  const { model, featurizer, definition } = buildModel(modelSchema.parse(input));
  const table = new Float32Array(model.layout.keyCount * model.layout.width);
  const vector = featurizer.vector();
  const scores = new Scores();
  const { chunks } = await openSource(path, process.stdin);
  for await (const line of readCsv(chunks)) {
    if (line.kind === 'problem') throw new Error(`line ${line.line}: ${line.problem}`);
    const row = { ...(line.value as Columns), ...derived?.(line.value as Columns) };
    const target = positive === undefined ? row[label]! : Number(String(row[label]) === positive);
    const chosen = Object.entries(row).filter(
      ([name]) => name !== label && features?.includes(name) !== false,
    );
    featurizer.featurize(Object.fromEntries(chosen), vector);
    const raw = model.learn(table, viewOf(vector), target as number, 1);
    if (definition.task === 'regression') scores.error(raw - (target as number));
    else if (model.classes === undefined) scores.classes(Number(raw > 0), target as number);
    else scores.classes(model.classes.labels?.[model.classes.best] as string, target as string);
  }
  return scores.figures(definition.task);
}

type ClassName = string | number | boolean;

class Scores {
  #count = 0;
  #right = 0;
  #absolute = 0;
  #squared = 0;
  readonly #hits = new Map<ClassName, number>();
  readonly #predicted = new Map<ClassName, number>();
  readonly #true = new Map<ClassName, number>();

  classes(predicted: ClassName, label: ClassName): void {
    this.#count++;
    plusOne(this.#predicted, predicted);
    plusOne(this.#true, label);
    if (predicted !== label) return;
    this.#right++;
    plusOne(this.#hits, label);
  }

  error(by: number): void {
    this.#count++;
    this.#absolute += Math.abs(by);
    this.#squared += by * by;
  }

  figures(task: string): RiverFigures {
    if (task === 'regression') {
      return { mae: this.#absolute / this.#count, rmse: Math.sqrt(this.#squared / this.#count) };
    }
    const accuracy = this.#right / this.#count;
    if (task === 'binary') return { accuracy, f1: this.#f1(1) };
    const all = [...this.#true.keys()];
    return { accuracy, macro_f1: all.reduce<number>((sum, name) => sum + this.#f1(name), 0) / all.length };
  }

  #f1(name: ClassName): number {
    const hits = this.#hits.get(name) ?? 0;
    const of = (this.#predicted.get(name) ?? 0) + (this.#true.get(name) ?? 0);
    return of === 0 ? 0 : (2 * hits) / of;
  }
}

const plusOne = (counts: Map<ClassName, number>, name: ClassName): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};
