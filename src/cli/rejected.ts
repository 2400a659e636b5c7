/** `millrace rejected`: events that could not be learned, looked at, sent again or dropped. */
import type { Command } from 'commander';
import type { RejectedOptions, RejectedSelection } from '../client/rejected.ts';
import type { EntryFailure, KeptRejection, RejectedList, RetriedEvents } from '../protocol/messages.ts';
import { confirmed } from './confirm.ts';
import { exitCodes, SilentFailure, UsageError } from './failure.ts';
import { countFromOne, type ServerOptions, withClient, withServerOptions } from './options.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';
import { counted, pairsText, tableText } from './words.ts';

interface ListOptions extends ServerOptions {
  readonly limit: number;
  readonly before?: number;
  readonly reason?: string;
}

interface ChoiceOptions extends ServerOptions {
  readonly all?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
}

/** A reason shorter than this says too little. */
const reasonLeast = 30;

export function addRejected(program: Command, terminal: Terminal): void {
  const group = program
    .command('rejected')
    .description('Look at events that could not be learned, send them again, or drop them');
  const command = (name: string, description: string) =>
    withServerOptions(group.command(name)).description(description).argument('<model>', 'name of the model');
  const choosing = (name: string, description: string) =>
    command(name, description)
      .argument('[entry...]', 'numbers, as `list` shows them', entryNumbers)
      .option('--all', 'all there are now')
      .option('--reason <text>', 'with --all: only those whose reason has this in it');

  command('list', 'Show which there are, newest first')
    .option('--limit <count>', 'how many to show', countFromOne, 20)
    .option('--before <entry>', 'only those below this number', countFromOne)
    .option('--reason <text>', 'only those whose reason has this in it')
    .action(async (model: string, { limit, before, reason, ...options }: ListOptions) => {
      const asked = { limit, ...(before && { before }), ...(reason !== undefined && { reason }) };
      const list = await withClient(options, (client) => client.rejectedEvents(model, asked));
      if (options.json === true) printJson(terminal, list);
      else terminal.print(listText(model, list, asked, terminal.columns));
    });

  command('show', 'Show one with all that is known of it')
    .argument('<entry>', 'its number, as `list` shows it', countFromOne)
    .action(async (model: string, entry: number, options: ServerOptions) => {
      const event = await withClient(options, (client) => client.rejectedEvent(model, entry));
      if (options.json === true) printJson(terminal, event);
      else terminal.print(eventText(event));
    });

  choosing('retry', 'Publish the originals again; each is learned once').action(
    async (model: string, entries: readonly number[] | undefined, options: ChoiceOptions) => {
      const which = selection('retry', entries, options);
      const done = await withClient(options, (client) => client.retryRejected(model, which));
      if (options.json === true) printJson(terminal, done);
      else terminal.print(retriedText(model, done));
      failWith(terminal, done.failed);
    },
  );

  choosing('drop', 'Remove them for good')
    .option('--yes', 'do not ask')
    .action(async (model: string, entries: readonly number[] | undefined, options: ChoiceOptions) => {
      const which = selection('drop', entries, options);
      const question = `Remove ${whichText(which)} of ${model} for good?`;
      if (!(await confirmed(terminal, question, options.yes === true))) {
        terminal.note('nothing was removed');
        throw new SilentFailure(exitCodes.failed);
      }
      const done = await withClient(options, (client) => client.dropRejected(model, which));
      if (options.json === true) printJson(terminal, done);
      else terminal.print(`${counted(done.dropped.length, 'rejected event')} of ${model} removed`);
      failWith(terminal, done.failed);
    });
}

const entryNumbers = (text: string, before: readonly number[] = []): readonly number[] => [
  ...before,
  countFromOne(text),
];

function selection(
  verb: string,
  entries: readonly number[] | undefined,
  { all = false, reason }: ChoiceOptions,
): RejectedSelection {
  const named = entries ?? [];
  if (named.length > 0 === all) {
    throw new UsageError(
      `name the entries to ${verb}, as \`millrace rejected list\` shows them, or say --all`,
    );
  }
  if (!all && reason !== undefined) throw new UsageError('--reason goes with --all');
  return all ? { ...(reason !== undefined && { reason }) } : named;
}

function whichText(which: RejectedSelection): string {
  if ('length' in which) return counted(which.length, 'rejected event');
  return which.reason === undefined
    ? 'all rejected events'
    : `all rejected events with ${JSON.stringify(which.reason)} in their reason`;
}

function retriedText(model: string, { retried }: RetriedEvents): string {
  const last = retried.at(-1);
  const where = last === undefined ? '' : `; the last stands at sequence ${last.seq} of the stream now`;
  return `${counted(retried.length, 'rejected event')} of ${model} sent again${where}`;
}

function failWith(terminal: Terminal, failed: readonly EntryFailure[]): void {
  for (const { entry, error } of failed) terminal.note(`${styles.red(`entry ${entry}:`)} ${error.message}`);
  if (failed.length > 0) throw new SilentFailure(exitCodes.failed);
}

function listText(
  model: string,
  { events, before }: RejectedList,
  asked: RejectedOptions,
  columns: number | undefined,
): string {
  const more = before === undefined ? [] : [`there may be more: add --before ${before}`];
  if (events.length === 0) {
    const below = asked.before === undefined ? '' : ` below ${asked.before}`;
    const withReason =
      asked.reason === undefined ? '' : ` with ${JSON.stringify(asked.reason)} in their reason`;
    return [`${model} has no rejected events${below}${withReason}`, ...more].join('\n');
  }
  const facts = events.map(({ entry, at, seq, index, id, code }) => [
    String(entry),
    at,
    index === 0 ? String(seq) : `${seq}[${index}]`,
    id === undefined ? '-' : String(id),
    String(code),
  ]);
  const widths = facts[0]!.map((_, at) => Math.max(8, ...facts.map((row) => row[at]!.length)) + 2);
  const left = (columns ?? Number.POSITIVE_INFINITY) - widths.reduce((sum, width) => sum + width, 0);
  const rows = facts.map((row, at) => [...row, cut(events[at]!.reason, Math.max(reasonLeast, left))]);
  return [tableText(['entry', 'when', 'sequence', 'id', 'code', 'reason'], rows), ...more].join('\n');
}

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

function eventText(event: KeptRejection): string {
  const { entry, at, seq, index, key, time, code, reason } = event;
  const pairs: [string, string][] = [
    ['entry', String(entry)],
    ['refused', at],
    ['published', `${new Date(time).toISOString()}, sequence ${seq}, index ${index}`],
    ...(key === undefined ? [] : [['key', key] as [string, string]]),
    ['reason', `${reason} (${code})`],
  ];
  return [pairsText(pairs), ...originalLines(event)].join('\n');
}

/** The original as far as it can be shown, and what this is. */
function originalLines({ original, whole = false, inexact = false }: KeptRejection): string[] {
  if (!whole || typeof original !== 'string') {
    const note = inexact ? ', which JSON does not say exactly' : '';
    return [styles.dim(`original${note}`), JSON.stringify(original, null, 2)];
  }
  const bytes = Buffer.from(original, 'base64');
  const text = textOf(bytes);
  return text === undefined
    ? [styles.dim(`original, a whole message of ${counted(bytes.length, 'byte')}, in base64`), original]
    : [styles.dim(`original, a whole message of ${counted(bytes.length, 'byte')}`), text];
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
