/** `millrace replay`: a version recomputed from the log, to verify it or to unlearn some events. */
import { type Command, InvalidArgumentError } from 'commander';
import { MillraceError } from '../base/errors.ts';
import type { SkippedEvents } from '../client/admin.ts';
import type { ReplayDifference, ReplayResult, UnlearnResult } from '../protocol/messages.ts';
import { exitCodes, SilentFailure } from './failure.ts';
import { countFromOne, type ServerOptions, wholeNumber, withClient, withServerOptions } from './options.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';
import { countText, figure } from './words.ts';

interface ReplayOptions extends ServerOptions {
  readonly from: number;
  readonly to?: number;
  readonly verify?: boolean;
  readonly skip?: readonly SkippedEvents[];
  readonly serve?: boolean;
}

export function addReplay(program: Command, terminal: Terminal): void {
  withServerOptions(program.command('replay'))
    .description('Recompute a version from the log: compare it, or make one without some events')
    .argument('<model>', 'name of the model')
    .option('--from <version>', 'version to recompute from; 0: from nothing', wholeNumber, 0)
    .option('--to <sequence>', 'last sequence to learn; what is learned now when absent', countFromOne)
    .option('--verify', 'compare with the version that stands there; exit code 1 when they differ')
    .option('--skip <filter>', 'unlearn: id=ID, key=KEY, feature=NAME or feature=NAME=VALUE', skipped)
    .option('--serve', 'with --skip: serve the new version and go on with the log behind it')
    .action(async (model: string, options: ReplayOptions) => {
      const { from, to, skip, serve = false, verify = false } = options;
      if ((skip !== undefined) === verify)
        throw new MillraceError('badInput', 'say either --verify or --skip FILTER');
      if (serve && skip === undefined) throw new MillraceError('badInput', '--serve needs --skip FILTER');
      const range = { from, ...(to === undefined ? {} : { to }) };
      if (skip !== undefined) {
        const made = await withClient(options, (client) => client.unlearn(model, skip, { ...range, serve }));
        if (options.json === true) printJson(terminal, made);
        else terminal.print(unlearnedText(made));
        return;
      }
      const result = await withClient(options, (client) => client.replay(model, range));
      if (options.json === true) printJson(terminal, result);
      else terminal.print(resultText(model, result));
      if (!result.identical) throw new SilentFailure(exitCodes.failed);
    });
}

function skipped(text: string, before: readonly SkippedEvents[] = []): readonly SkippedEvents[] {
  const at = text.indexOf('=');
  const kind = text.slice(0, at);
  const value = text.slice(at + 1);
  if ((kind !== 'id' && kind !== 'key' && kind !== 'feature') || value === '')
    throw new InvalidArgumentError('Expected id=ID, key=KEY, feature=NAME or feature=NAME=VALUE.');
  return [...before, { kind, value }];
}

const startText = (from: number): string => (from === 0 ? 'nothing' : `version ${from}`);

function resultText(model: string, result: ReplayResult): string {
  const { version, from, seq, compared, identical, first, averageLoss } = result;
  const what = `version ${version} of ${model} (sequence ${seq}), recomputed from ${startText(from)}`;
  const counted = `${countText(result.counts.recomputed.learned)} events learned`;
  if (compared === 'counts') {
    const verdict = identical ? styles.green('counts agree') : styles.red('counts differ');
    const loss = `average loss ${figure(averageLoss.recomputed)} recomputed, ${figure(averageLoss.stored)} stored`;
    return [
      `${verdict}: ${what}; ${counted}; ${loss}`,
      'Several learners took part: bits depend on how their batches met, and were not compared.',
      ...(first === undefined ? [] : [differenceText(first)]),
    ].join('\n');
  }
  if (identical) return `${styles.green('identical')}: ${what}; ${counted}`;
  return `${styles.red('different')}: ${what}\n${first === undefined ? '' : differenceText(first)}`;
}

function differenceText(first: ReplayDifference): string {
  const values = `${first.recomputed} recomputed, ${first.stored} stored`;
  if (first.kind !== 'row') return `${first.name}: ${values}`;
  return `first of ${countText(first.rows)} rows: key ${first.key}, slot ${first.slot}, shard ${first.shard}: ${values}`;
}

function unlearnedText({ model, version, from, seq, learned, excluded, epoch }: UnlearnResult): string {
  const made = `version ${version} of ${model}: sequences up to ${seq} from ${startText(from)}, ${countText(learned)} events learned, ${countText(excluded)} passed over`;
  const next =
    epoch === undefined
      ? `serve it with \`millrace checkpoints rollback ${model} ${version} --relearn\``
      : `it is served (epoch ${epoch}), and the events behind it are learned`;
  return `${made}\n${next}; earlier versions still hold those events`;
}
