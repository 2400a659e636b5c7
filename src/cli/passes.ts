/** Several passes over a file, in its order each time. */
import type { EventRow } from '../formats/records.ts';
import { type Row, recordOf } from '../formats/row.ts';
import { UsageError } from './failure.ts';

type Rows = AsyncIterable<Row<EventRow>>;

/** Throws UsageError where the events are there once only, or have an order that a second pass would break. */
export function requireFewPasses(passes: number, file: string, isDelayed: boolean): void {
  if (passes === 1) return;
  if (file === '-') throw new UsageError('--passes needs a file: standard input can be read once');
  if (isDelayed) throw new UsageError('give --passes or --delay, not both: time would begin again');
}

/** Events of later passes have no id: by it they would be told as learned already. */
export async function* passesOver(passes: number, first: Rows, again: () => Promise<Rows>): Rows {
  yield* first;
  for (let pass = 1; pass < passes; pass++) {
    for await (const row of await again())
      yield row.kind === 'problem' ? row : withoutId(row.line, row.value);
  }
}

function withoutId(line: number, { event, record }: EventRow): Row<EventRow> {
  const { id: _id, ...unnamed } = event;
  return recordOf(line, { event: unnamed, record });
}
