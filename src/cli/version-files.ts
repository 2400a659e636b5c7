/** `millrace checkpoints verify|diff|prune|export|import`: versions looked into, cleared away, and carried elsewhere. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { messageOf } from '../base/errors.ts';
import type { VersionCheck, VersionDifference, VersionSummary } from '../protocol/messages.ts';
import { exitCodes, SilentFailure, UsageError } from './failure.ts';
import { countFromOne, type ServerOptions, wholeNumber, withClient } from './options.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';
import { bytesText, counted, countText, figure, tableText } from './words.ts';
import { writeChunks } from './write-chunks.ts';

interface DiffOptions extends ServerOptions {
  readonly top: number;
}

interface PruneOptions extends ServerOptions {
  readonly keep?: number;
  readonly keepForMs?: number;
  readonly dryRun?: boolean;
}

interface ExportOptions extends ServerOptions {
  readonly out?: string;
  readonly force?: boolean;
}

/** `command` makes one of the group, with the model as its first argument. */
export function addVersionFiles(
  command: (name: string, description: string) => Command,
  terminal: Terminal,
): void {
  addVerify(command('verify', 'Read all bytes of all versions, or of one, and check them'), terminal);
  addDiff(command('diff', 'Compare two versions: rows that changed, and quality'), terminal);
  addPrune(command('prune', 'Remove versions that need not be kept'), terminal);
  command('export', 'Write a version to one file, which another server can import')
    .argument('[version]', 'number; the current one when absent', wholeNumber)
    .option('--out <file>', 'file to write; <model>-<version>.tar when absent')
    .option('--force', 'replace the file when it exists')
    .action(async (model: string, version: number | undefined, options: ExportOptions) => {
      const done = await withClient(options, async (client) => {
        const exported = await client.exportVersion(model, version);
        const file = options.out ?? `${model}-${exported.version}.tar`;
        await writeChunks(file, exported, options.force === true);
        return { model, version: exported.version, file, bytes: exported.bytes };
      });
      if (options.json === true) printJson(terminal, done);
      else
        terminal.print(
          `version ${done.version} of ${model} is in ${done.file} (${bytesText(done.bytes)}); take it elsewhere with \`millrace checkpoints import\``,
        );
    });
  command('import', 'Store a version from a file under a new number')
    .argument('<file>', 'file that `export` wrote')
    .action(async (model: string, file: string, options: ServerOptions) => {
      await readable(file);
      const made = await withClient(options, (client) => client.importVersion(model, createReadStream(file)));
      if (options.json === true) printJson(terminal, made);
      else
        terminal.print(
          `${file} is version ${made.version} of ${model} now; serve it with \`millrace checkpoints rollback ${model} ${made.version}\``,
        );
    });
}

function addVerify(command: Command, terminal: Terminal): void {
  command
    .argument('[version]', 'number; all versions when absent', countFromOne)
    .action(async (model: string, version: number | undefined, options: ServerOptions) => {
      const checks = await withClient(options, (client) => client.verifyVersions(model, version));
      if (options.json === true) printJson(terminal, { versions: checks });
      else terminal.print(checksText(model, checks));
      if (checks.some(({ problem }) => problem !== undefined)) throw new SilentFailure(exitCodes.failed);
    });
}

function checksText(model: string, checks: readonly VersionCheck[]): string {
  if (checks.length === 0) return `${model} has no versions`;
  const lines = checks.map(({ version, problem, files, bytes }) =>
    problem === undefined
      ? `version ${version} is whole: ${counted(files, 'file')}, ${bytesText(bytes)}`
      : styles.red(`version ${version} is damaged: ${problem}`),
  );
  const broken = checks.filter(({ problem }) => problem !== undefined).length;
  const end =
    broken === 0
      ? `${counted(checks.length, 'version')} can be restored`
      : `${broken} of ${counted(checks.length, 'version')} cannot be restored: roll back to a whole one, or restore the files from a backup`;
  return [...lines, end].join('\n');
}

function addDiff(command: Command, terminal: Terminal): void {
  command
    .argument('<a>', 'number of the earlier version', countFromOne)
    .argument('<b>', 'number of the later version', countFromOne)
    .option('--top <rows>', 'how many of the largest changes to show', wholeNumber, 10)
    .action(async (model: string, a: number, b: number, options: DiffOptions) => {
      const { top } = options;
      const found = await withClient(options, (client) => client.diffVersions(model, a, b, { top }));
      if (options.json === true) printJson(terminal, found);
      else terminal.print(differenceText(found));
    });
}

function differenceText({ from, to, slots, rows }: VersionDifference): string {
  const quality = (name: string, of: (version: VersionSummary) => string) => [name, of(from), of(to)];
  const sides = [
    quality('learned', ({ learned }) => countText(learned)),
    quality('sequence', ({ seq }) => String(seq)),
    quality('loss', ({ metrics }) => figure(metrics.averageLoss)),
    quality('AUC', ({ metrics }) => figure(metrics.auc)),
    quality('RMSE', ({ metrics }) => figure(metrics.rmse)),
  ];
  const { same, changed, added, removed, largest } = rows;
  const sums = `rows: ${countText(changed)} changed, ${countText(added)} new, ${countText(removed)} back to zero, ${countText(same)} the same`;
  const numbers = (row: readonly (number | null)[] | undefined) =>
    row === undefined
      ? '-'
      : row.map((value) => (value === null ? 'not finite' : value.toPrecision(4))).join(' ');
  const changes = largest.map(({ key, before, after, change }) => [
    String(key),
    numbers(before),
    numbers(after),
    change === null ? 'not finite' : change.toPrecision(4),
  ]);
  const head = ['row', `version ${from.version} (${slots.join(' ')})`, `version ${to.version}`, 'change'];
  return [
    tableText(['', `version ${from.version}`, `version ${to.version}`], sides, 1),
    sums,
    ...(changes.length === 0 ? [] : [tableText(head, changes, 3)]),
  ].join('\n');
}

function addPrune(command: Command, terminal: Terminal): void {
  command
    .option('--keep <count>', 'newest versions to keep; as in the settings when absent', countFromOne)
    .option('--keep-for-ms <ms>', 'keep younger ones too; as in the settings when absent', wholeNumber)
    .option('--dry-run', 'say what would go, and remove nothing')
    .action(async (model: string, { keep, keepForMs, dryRun = false, ...options }: PruneOptions) => {
      const asked = { ...(keep && { keep }), ...(keepForMs !== undefined && { keepForMs }), dryRun };
      const done = await withClient(options, (client) => client.pruneVersions(model, asked));
      if (options.json === true) return printJson(terminal, done);
      const list = done.removed.join(', ');
      if (list === '')
        terminal.print(`nothing of ${model} can go: the rest is kept, or needed by what is kept`);
      else terminal.print(`${dryRun ? 'would remove' : 'removed'} of ${model}: ${list}`);
    });
}

async function readable(file: string): Promise<void> {
  try {
    if ((await stat(file)).isFile()) return;
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new UsageError(`${file} is not a file; give one that \`millrace checkpoints export\` wrote`);
}
