/**
 * Figures that River publishes for its own benchmarks (progressive validation: predict, then learn, one pass in
 * file order), through the whole of Millrace. The pipelines there are a running standard scaler before a linear
 * model with SGD and an intercept of its own rate; parameters are float64 there and float32 here.
 */
import t from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import type { LearnEvent } from '../../src/protocol/messages.ts';
import { dataMissing, readTable, readText } from '../support/data.ts';
import { startSystem, systemMissing } from '../support/system.ts';

t.setTimeout(180_000);

interface Case {
  /** In the list of published figures. */
  readonly id: string;
  readonly model: ModelInput;
  /** Every column but this one is a number and a feature. */
  readonly label: string;
  readonly labelOf: (cell: string) => number;
}

interface Published {
  readonly id: string;
  readonly data_file: string;
  readonly expected: Readonly<Record<string, number>>;
}

const features = { bits: 10, standardize: true };
const sgd = (learningRate: number) => ({ name: 'sgd', learningRate, interceptLearningRate: 0.01 }) as const;
const binary = (learningRate: number): ModelInput => ({
  task: 'binary',
  optimizer: sgd(learningRate),
  features,
});
const regression: ModelInput = { task: 'regression', optimizer: sgd(0.01), features };
/** Allowed difference from a published figure; figures that are not here are not measured by Millrace. */
const within: Readonly<Record<string, (published: number) => number>> = {
  accuracy: () => 0.0005,
  mae: (published) => published * 0.001,
  rmse: (published) => published * 0.001,
};

const cases: readonly Case[] = [
  {
    id: 'river-elec2-lr',
    model: binary(0.005),
    label: 'class',
    labelOf: (cell) => (cell === 'UP' ? 1 : 0),
  },
  { id: 'river-phishing-lr01', model: binary(0.1), label: 'is_phishing', labelOf: Number },
  { id: 'river-phishing-lr', model: binary(0.005), label: 'is_phishing', labelOf: Number },
  { id: 'river-chick-lin', model: regression, label: 'weight', labelOf: Number },
];

const list = 'river/cases.json';
const files = ['river/elec2.csv.gz', 'river/phishing.csv.gz', 'river/chick-weights.csv'];
const skip = systemMissing() || dataMissing(list, ...files);

function eventsOf({ label, labelOf }: Case, file: string): LearnEvent[] {
  return readTable(`river/${file}`).map((row) => {
    const { [label]: labelCell, ...cells } = row;
    const numbers = Object.entries(cells).map(([name, cell]) => [name, Number(cell)]);
    return { features: Object.fromEntries(numbers), label: labelOf(labelCell!) };
  });
}

t.test("River's published figures - come out of the whole stack", { skip }, async (t) => {
  const published = (JSON.parse(readText(list)) as { cases: Published[] }).cases;
  const models = Object.fromEntries(cases.map(({ id, model }) => [id, model]));
  const system = await startSystem(t, { models });
  const rows = ['case | metric | published | measured | difference'];
  for (const one of cases) {
    const { expected, data_file } = published.find(({ id }) => id === one.id)!;
    const events = eventsOf(one, data_file);
    const { seq } = await system.client.learnStream(one.id, events, { inFlight: 1 });
    const status = await system.caughtUp(one.id, seq);
    t.same([status.learned, status.rejected], [events.length, 0], `${one.id}: every row was learned`);
    for (const [metric, wanted] of Object.entries(expected)) {
      if (within[metric] === undefined) continue;
      const measured = status.metrics.total[metric as 'accuracy']!;
      const difference = measured - wanted;
      t.ok(Math.abs(difference) <= within[metric](wanted), `${one.id}: ${metric} as River has it`);
      rows.push([one.id, metric, wanted, measured, difference.toExponential(2)].join(' | '));
    }
  }
  for (const row of rows) t.comment(row);
});
