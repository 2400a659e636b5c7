/**
 * Real streams and how their columns become features: the one encoding that every learner gets, ours and the peers'.
 * A text is a category, a number a number. Nothing is tuned to a set but this.
 */

import type { Cell } from '../../src/formats/cell.ts';
import type { Features, Label } from '../../src/index.ts';

export type Columns = Readonly<Record<string, Cell>>;
export type SetTask = 'binary' | 'regression' | 'multiclass';
/** What sets are compared by. */
export type Measure = 'logLoss' | 'errorRate' | 'mae' | 'rmse';

export interface EncodedEvent {
  readonly features: Features;
  readonly label: Label | string;
  /** Milliseconds since the epoch. */
  readonly time?: number;
}

export interface StreamSet {
  readonly name: string;
  readonly task: SetTask;
  readonly measure: Measure;
  /** In the folder of the data; gzip or not. */
  readonly file: string;
  /** Names of the columns where the file has no header; undefined where it has one, or is libsvm. */
  readonly header?: readonly string[];
  /** Undefined for a row that is no event. */
  encode(row: Columns): EncodedEvent | undefined;
  /** Mean of the labels so far of rows that are alike in these features, as a feature of this name. */
  readonly past?: { readonly name: string; readonly by: readonly string[] };
  /** Labels come so much later; peers do not run then. */
  readonly delayMs?: number;
  /** Order of the rows, where the file's is not that of time. */
  readonly order?: (row: Columns) => number;
}

const without = (row: Columns, ...names: readonly string[]): Record<string, Cell> => {
  const rest: Record<string, Cell> = { ...row };
  for (const name of names) delete rest[name];
  return rest;
};

/** Every column as a category. */
const categories = (row: Record<string, Cell>): Features =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value ?? 'NA')]));

const numberOf = (value: Cell | undefined): number => (typeof value === 'number' ? value : 0);

/** Counts on a scale of logarithms, in whole steps, as the winners of the Criteo challenge had them (Juan et al. 2016). */
const logSteps = (value: Cell): string =>
  typeof value !== 'number' ? 'NA' : value > 2 ? String(Math.floor(Math.log(value) ** 2)) : String(value);

const criteoColumns = [
  'label',
  ...Array.from({ length: 13 }, (_, i) => `I${i + 1}`),
  ...Array.from({ length: 26 }, (_, i) => `C${i + 1}`),
];

const hourOf = (value: Cell): number => {
  const time = numberOf(value);
  return Math.floor(time / 100);
};

const bikes: StreamSet = {
  name: 'bikes',
  task: 'regression',
  measure: 'mae',
  past: { name: 'past', by: ['station', 'hour'] },
  file: 'river/toulouse_bikes.csv.gz',
  encode: (row) => {
    const time = Date.parse(`${String(row.moment).replace(' ', 'T')}Z`);
    const hour = String(new Date(time).getUTCHours());
    const { station, clouds, humidity, pressure, temperature, wind, description } = row;
    return {
      features: { station, hour, clouds, humidity, pressure, temperature, wind, description } as Features,
      label: numberOf(row.bikes),
      time,
    };
  },
};

export const streamSets: readonly StreamSet[] = [
  {
    name: 'elec2',
    task: 'binary',
    measure: 'logLoss',
    file: 'river/elec2.csv.gz',
    encode: (row) => ({
      features: { ...without(row, 'class', 'date', 'day'), day: String(row.day) } as Features,
      label: row.class === 'UP',
    }),
  },
  {
    name: 'phishing',
    task: 'binary',
    measure: 'logLoss',
    file: 'river/phishing.csv.gz',
    encode: (row) => ({ features: categories(without(row, 'is_phishing')), label: row.is_phishing === 1 }),
  },
  {
    name: 'segment',
    task: 'multiclass',
    measure: 'errorRate',
    file: 'river/segment.csv.gz',
    encode: (row) => ({ features: without(row, 'category') as Features, label: String(row.category) }),
  },
  {
    name: 'chick-weights',
    task: 'regression',
    measure: 'rmse',
    file: 'river/chick-weights.csv',
    encode: ({ time, chick, diet, weight }) => ({
      features: { time: numberOf(time), chick: String(chick), diet: String(diet) },
      label: numberOf(weight),
    }),
  },
  bikes,
  { ...bikes, name: 'bikes, labels 30 min late', delayMs: 30 * 60_000 },
  {
    name: 'ml-100k',
    task: 'regression',
    measure: 'rmse',
    file: 'movielens/ml_100k.tsv.gz',
    encode: ({ user, item, rating }) => ({
      features: { user: String(user), item: String(item) },
      label: numberOf(rating),
    }),
  },
  {
    name: 'a9a',
    task: 'binary',
    measure: 'logLoss',
    file: 'a9a/a9a.libsvm.gz',
    encode: ({ label, ...indicators }) => ({
      features: Object.fromEntries(Object.keys(indicators).map((name) => [name, true])),
      label: label === 1,
    }),
  },
  {
    name: 'criteo',
    task: 'binary',
    measure: 'logLoss',
    file: 'criteo/criteo_dac_rows_a.tsv.gz',
    header: criteoColumns,
    encode: ({ label, ...row }) => ({
      features: Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          name.startsWith('I') ? logSteps(value) : String(value ?? 'NA'),
        ]),
      ),
      label: label === 1,
    }),
  },
  {
    name: 'avazu',
    task: 'binary',
    measure: 'logLoss',
    file: 'avazu/avazu_first10000.csv.gz',
    encode: (row) => ({
      features: { ...categories(without(row, 'click', 'hour')), hour: String(numberOf(row.hour!) % 100) },
      label: row.click === 1,
    }),
  },
  {
    name: 'talkingdata',
    task: 'binary',
    measure: 'logLoss',
    file: 'talkingdata/clicks_first_half.csv.gz',
    encode: (row) => ({
      features: {
        ...categories(without(row, 'click_time', 'attributed_time', 'is_attributed')),
        hour: String(row.click_time).slice(11, 13),
      },
      label: row.is_attributed === 1,
    }),
  },
  {
    name: 'amazon_access',
    task: 'binary',
    measure: 'logLoss',
    file: 'amazon_access/train_a.csv.gz',
    encode: (row) => ({ features: categories(without(row, 'ACTION')), label: row.ACTION === 1 }),
  },
  {
    name: 'airlines',
    task: 'binary',
    measure: 'logLoss',
    file: 'airlines/allyears2k.csv.gz',
    order: ({ Year, Month, DayofMonth, CRSDepTime }) =>
      ((numberOf(Year) * 100 + numberOf(Month)) * 100 + numberOf(DayofMonth)) * 10_000 + numberOf(CRSDepTime),
    encode: (row) => {
      // Flights that never arrived are labelled as late.
      if (row.Cancelled !== 0 || row.Diverted !== 0) return undefined;
      const {
        Year,
        Month,
        DayOfWeek,
        UniqueCarrier,
        Origin,
        Dest,
        Distance,
        CRSDepTime,
        CRSArrTime,
        FlightNum,
        TailNum,
      } = row;
      return {
        features: {
          ...categories({ Year, Month, DayOfWeek, UniqueCarrier, Origin, Dest } as Record<string, Cell>),
          flight: `${UniqueCarrier}${FlightNum}`,
          route: `${Origin}-${Dest}`,
          plane: String(TailNum ?? 'NA'),
          departure: String(hourOf(CRSDepTime!)),
          arrival: String(hourOf(CRSArrTime!)),
          distance: numberOf(Distance),
        },
        label: row.IsArrDelayed === 'YES',
      };
    },
  },
  {
    name: 'nsl_kdd',
    task: 'binary',
    measure: 'logLoss',
    file: 'nsl_kdd/KDDTrain.csv.gz',
    encode: (row) => ({ features: without(row, 'class') as Features, label: row.class === 'anomaly' }),
  },
  {
    name: 'sea',
    task: 'binary',
    measure: 'logLoss',
    file: 'drift_streams/sea_50000.csv.gz',
    encode: (row) => ({ features: without(row, 'class') as Features, label: row.class === 1 }),
  },
];
