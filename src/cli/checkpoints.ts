/** `millrace checkpoints`: the versions of a model. */
import type { Command } from 'commander';
import { MillraceError } from '../base/errors.ts';
import type { Versions } from '../client/admin.ts';
import type { VersionSummary } from '../protocol/messages.ts';
import { type ServerOptions, wholeNumber, withClient, withServerOptions } from './options.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';
import { addVersionFiles } from './version-files.ts';
import { bytesText, counted, countText, figure, pairsText, qualityText, tableText } from './words.ts';

export function addCheckpoints(program: Command, terminal: Terminal): void {
  const group = program
    .command('checkpoints')
    .description('Make, compare, check, carry and go back to versions of a model');
  const command = (name: string, description: string) =>
    withServerOptions(group.command(name)).description(description).argument('<model>', 'name of the model');

  command('list', 'Show all versions').action(async (model: string, options: ServerOptions) => {
    const versions = await withClient(options, (client) => client.checkpoints(model));
    if (options.json === true) printJson(terminal, versions);
    else terminal.print(listText(model, versions));
  });

  command('show', 'Show one version')
    .argument('[version]', 'number; the current one when absent', wholeNumber)
    .action(async (model: string, version: number | undefined, options: ServerOptions) => {
      const found = chosen(model, await withClient(options, (client) => client.checkpoints(model)), version);
      if (options.json === true) printJson(terminal, found);
      else terminal.print(versionText(found));
    });

  command('make', 'Make a version now').action(async (model: string, options: ServerOptions) => {
    const made = await withClient(options, (client) => client.checkpoint(model));
    if (options.json === true) printJson(terminal, made);
    else
      terminal.print(
        `version ${made.version} of ${model}: ${counted(made.learned, 'event')}, ${bytesText(made.bytes)}`,
      );
  });

  addVersionFiles(command, terminal);

  command('rollback', 'Serve an earlier version, and learn on from it')
    .argument('<version>', 'number of the version', wholeNumber)
    .option('--relearn', 'learn the events since that version once more, instead of leaving them out')
    .action(async (model: string, version: number, options: ServerOptions & { relearn?: boolean }) => {
      const mode = options.relearn === true ? 'relearn' : 'continue';
      const done = await withClient(options, (client) => client.rollback(model, version, { mode }));
      if (options.json === true) return printJson(terminal, done);
      const since = mode === 'relearn' ? 'are learned again' : 'are left out';
      terminal.print(
        `${model} is back at version ${done.version} (epoch ${done.epoch}); the events since ${since}`,
      );
    });
}

function chosen(model: string, { versions, damaged }: Versions, version: number | undefined): VersionSummary {
  const found = versions.find((one) => (version === undefined ? one.current : one.version === version));
  if (found !== undefined) return found;
  const broken = damaged.find((one) => one.version === version);
  if (broken !== undefined) {
    throw new MillraceError('conflict', `version ${version} of ${model} is damaged: ${broken.reason}`);
  }
  const there = versions.map((one) => one.version).join(', ');
  const which = version === undefined ? 'current version' : `version ${version}`;
  throw new MillraceError('notFound', `${model} has no ${which}; there are ${there === '' ? 'none' : there}`);
}

function listText(model: string, { versions, damaged }: Versions): string {
  if (versions.length + damaged.length === 0) {
    return `${model} has no versions yet; make one with \`millrace checkpoints make ${model}\``;
  }
  const rows = versions.map((one) => [
    one.current ? styles.green(`${one.version} (current)`) : String(one.version),
    one.createdAt,
    one.reason,
    String(one.parent),
    one.base === undefined ? 'full' : `over ${one.base}`,
    countText(one.learned),
    String(one.seq),
    bytesText(one.bytes),
    figure(one.metrics.averageLoss),
  ]);
  const columns = ['version', 'made', 'why', 'parent', 'rows', 'learned', 'sequence', 'size', 'loss'];
  const broken = damaged.map((one) => styles.red(`version ${one.version} is damaged: ${one.reason}`));
  return [tableText(columns, rows, 3), ...broken].join('\n');
}

const versionText = (one: VersionSummary): string =>
  pairsText([
    ['version', one.current ? `${one.version} (current)` : String(one.version)],
    ['parent', String(one.parent)],
    ['made', `${one.createdAt}, reason: ${one.reason}`],
    ['learned', `${counted(one.learned, 'event')}, up to sequence ${one.seq}`],
    ['rows', one.base === undefined ? 'all (full)' : `those that changed since version ${one.base}`],
    ['size', bytesText(one.bytes)],
    ['quality', qualityText(one.metrics)],
  ]);
