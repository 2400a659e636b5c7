/**
 * The flights of the npm package `vega-datasets`, in the order of their departure: January to June 2001, one
 * row per flight of the large United States airlines. The departure is the actual one, in local time of the
 * origin, to the minute. The columns hold no airline and no flight number.
 *
 * The arrival delay is in the file, but it leaves this module only as the label: a flight that arrives more
 * than fifteen minutes late.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

export interface Flight {
  /** Place in the file: 0 is the earliest departure. */
  readonly index: number;
  /** Local departure time, read as if it were UTC, in milliseconds since the epoch. */
  readonly time: number;
  readonly origin: string;
  readonly destination: string;
  readonly miles: number;
  readonly late: boolean;
}

export const flightsInAll = 3_000_000;
const lateAboveMinutes = 15;

/** Flights `from` up to, not including, `to`; one row group of the file is in memory at a time. */
export async function* flightsBetween(from: number, to: number): AsyncGenerator<Flight> {
  const file = await asyncBufferFromFile(dataFile('flights-3m.parquet'));
  const metadata = await parquetMetadataAsync(file);
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const rowStart = Math.max(start, from);
    const rowEnd = Math.min(end, to);
    if (rowStart < rowEnd) {
      const rows = await parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd });
      for (const [offset, row] of rows.entries())
        yield flightOf(row as unknown as ParquetRow, rowStart + offset);
    }
    start = end;
  }
}

/** A small sample of the same flights, 20,000 of January to March. */
export async function sampledFlights(): Promise<Flight[]> {
  const rows = JSON.parse(await readFile(dataFile('flights-20k.json'), 'utf8')) as JsonRow[];
  return rows.map((row, index) => flightOf({ ...row, date: timeOf(row.date) }, index));
}

interface Row {
  readonly origin: string;
  readonly destination: string;
}
interface ParquetRow extends Row {
  readonly date: Date;
  readonly delay: bigint | number;
  readonly distance: bigint | number;
}
interface JsonRow extends Row {
  /** Such as "2001/01/31 23:59". */
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
}

const flightOf = (row: ParquetRow, index: number): Flight => ({
  index,
  time: row.date.getTime(),
  origin: row.origin,
  destination: row.destination,
  miles: Number(row.distance),
  late: Number(row.delay) > lateAboveMinutes,
});

const timeOf = (text: string): Date => new Date(`${text.replaceAll('/', '-').replace(' ', 'T')}Z`);

/** The package exports its code alone, so the data is found beside it. */
const dataFile = (name: string): string =>
  fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')));
