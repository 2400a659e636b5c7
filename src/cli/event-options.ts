/** The options that say how records of a file become events, for every command that reads a recorded log. */
import { type Command, Option } from 'commander';
import type { Mapping } from '../formats/mapping.ts';
import {
  holdsEvents,
  type RecordFormat,
  type Records,
  readRecords,
  recordFormats,
} from '../formats/records.ts';
import type { Source } from '../formats/source.ts';
import { UsageError } from './failure.ts';
import { columnList } from './options.ts';

export interface EventOptions extends Mapping {
  readonly format?: RecordFormat;
  readonly categorical?: readonly string[];
}

export const withEventOptions = (command: Command): Command =>
  command
    .addOption(new Option('--format <name>', 'told by name or content when absent').choices(recordFormats))
    .option('--label <column>', 'records are flat, and this is the label')
    .option('--positive <value>', 'value of the label that means 1; all others mean 0')
    .option('--classes', 'labels name classes: text is as good as a number')
    .option('--id <column>', "the event's id")
    .option('--time <column>', "the event's time")
    .option('--weight <column>', "the event's importance")
    .option('--drop <columns>', 'columns that are no features, separated by commas', columnList)
    .option('--categorical <columns>', 'columns whose numbers are names', columnList);

export const eventHelp = `
Records are events as on the wire, {"features": {...}, "label": ...}, one per line; or, with --label, flat
JSON lines or a table with a header (comma, tab, semicolon or bar); or LIBSVM's or Vowpal Wabbit's text. In a
table a cell that is a finite decimal number is a number, true and false are booleans, an empty one or NA is
absent, all else is categorical. Gzip is unpacked by itself. A --time is seconds or milliseconds since 1970, or
ISO 8601.
`;

/** The records of the source; throws UsageError when an option has nothing to act on. */
export async function recordsOf(
  source: Source,
  options: EventOptions,
  delayColumn?: string,
): Promise<Records> {
  const { format, categorical = [], drop = [] } = options;
  const records = await readRecords(source, {
    ...(format === undefined ? {} : { format }),
    categorical: new Set(categorical),
    columns: [...drop, ...categorical, ...(delayColumn === undefined ? [] : [delayColumn])],
  });
  refuseWithoutLabel(options, records.format);
  return records;
}

/** In events as such the parts have their places; there is nothing to map but, in text formats, the label's value. */
function refuseWithoutLabel(options: EventOptions, format: RecordFormat): void {
  if (holdsEvents(format)) {
    const given = (['label', 'id', 'time', 'weight', 'drop'] as const).find(
      (name) => options[name] !== undefined,
    );
    if (given !== undefined)
      throw new UsageError(`--${given} has no meaning for ${format}, whose lines are events`);
    return;
  }
  if (options.label !== undefined) return;
  const given = (['positive', 'id', 'time', 'weight', 'drop'] as const).find(
    (name) => options[name] !== undefined,
  );
  if (given !== undefined) throw new UsageError(`--${given} needs --label COLUMN beside it`);
}
