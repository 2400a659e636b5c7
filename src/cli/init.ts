/** `millrace init`: looks at recorded data and writes a config to begin with. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { parseConfig } from '../../config/load.ts';
import { messageOf, SetupError } from '../base/errors.ts';
import { ColumnCounter } from '../formats/column-facts.ts';
import { readRecords } from '../formats/records.ts';
import type { FileRecord } from '../formats/row.ts';
import { openSource } from '../formats/source.ts';
import { UsageError } from './failure.ts';
import { infer, type Proposal } from './infer.ts';
import { countFromOne } from './options.ts';
import { configText, exampleFeatures, learnArguments, quoted } from './proposed-config.ts';
import { usualConfig } from './serve-config.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';
import { counted, countText } from './words.ts';

interface InitOptions {
  readonly from: string;
  readonly label?: string;
  readonly positive?: string;
  readonly model?: string;
  readonly out: string;
  readonly rows: number;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function addInit(program: Command, terminal: Terminal): void {
  program
    .command('init')
    .description('Look at recorded data and write a config for it')
    .requiredOption('--from <file>', 'table with a header or JSON lines, gzip or not')
    .option('--label <column>', 'column to predict; not needed for events as on the wire')
    .option('--positive <value>', 'value of the label that means 1; all others mean 0')
    .option('--model <name>', 'name of the model (else that of the file)')
    .option('--out <file>', 'config file to write', usualConfig)
    .option('--rows <n>', 'rows to look at', countFromOne, 20_000)
    .option('--force', 'write over a file that is there')
    .option('--json', 'write JSON for programs')
    .action(async (options: InitOptions) => {
      if (existsSync(options.out) && options.force !== true) {
        throw new UsageError(
          `${options.out} is there already; name another with --out, or write over it with --force`,
        );
      }
      const sample = await sampleOf(options, terminal);
      const model = options.model ?? modelNameOf(options.from);
      const proposal = infer(sample.counter.facts(), sample.counter.rows, sample.label, options.positive);
      const text = configText(model, proposal, basename(options.from), sample.counter.rows);
      // What is written is right by the same measure as what is read.
      parseConfig(text, options.out);
      await writeFile(options.out, text).catch((error: unknown) => {
        throw new SetupError(
          `${options.out} cannot be written (${messageOf(error)}); name another with --out`,
        );
      });
      const report = { model, proposal, options, isWire: sample.isWire, rows: sample.counter.rows };
      if (options.json === true) printJson(terminal, factsOf(report));
      else terminal.print(reportText(report));
    });
}

interface Sample {
  readonly counter: ColumnCounter;
  readonly label: string;
  /** Whether the records are events as on the wire. */
  readonly isWire: boolean;
}

async function sampleOf({ from, label, rows: rowsMax }: InitOptions, terminal: Terminal): Promise<Sample> {
  const source = await openSource(from, terminal.stdin);
  const { rows } = await readRecords(source);
  const counter = new ColumnCounter();
  let isWire = false;
  let problem: string | undefined;
  for await (const row of rows) {
    if (row.kind === 'problem') {
      problem ??= `line ${row.line}: ${row.problem}`;
      continue;
    }
    if (counter.rows === 0) isWire = label === undefined && isEvent(row.value);
    counter.add(isWire ? flattened(row.value) : row.value);
    if (counter.rows === rowsMax) break;
  }
  if (counter.rows === 0)
    throw new SetupError(
      `${source.name} has no rows that can be read${problem === undefined ? '' : `; ${problem}`}`,
    );
  if (label === undefined && !isWire) {
    const names = counter
      .facts()
      .map(({ name }) => name)
      .join(', ');
    throw new UsageError(`name the column to predict with --label; there are ${names}`);
  }
  return { counter, label: label ?? 'label', isWire };
}

const isEvent = (record: FileRecord): boolean => typeof record.features === 'object' && 'label' in record;

const flattened = (record: FileRecord): FileRecord => ({
  ...(record.features as FileRecord),
  label: record.label,
});

function modelNameOf(file: string): string {
  const plain = basename(file)
    .replace(/\.gz$/i, '')
    .replace(/\.[^.]+$/, '');
  const name = plain
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 64);
  return name === '' ? 'model' : name;
}

interface Report {
  readonly model: string;
  readonly proposal: Proposal;
  readonly options: InitOptions;
  readonly isWire: boolean;
  readonly rows: number;
}

function commandsOf({ model, proposal, options, isWire }: Report): string[] {
  const config = options.out === usualConfig ? '' : ` --config ${quoted(options.out)}`;
  const mapping = isWire ? '' : ` ${learnArguments(proposal)}`;
  return [
    `millrace serve${config}`,
    `millrace learn ${model} ${quoted(options.from)}${mapping}`,
    `millrace predict ${model} ${quoted(JSON.stringify(exampleFeatures(proposal)))}`,
  ];
}

function factsOf(report: Report): object {
  const { label, id, time, dropped, categorical, features } = report.proposal;
  const names = features.map(({ name }) => name);
  const { model, rows, options } = report;
  return {
    out: options.out,
    model,
    rows,
    label,
    id,
    time,
    dropped,
    categorical,
    features: names,
    commands: commandsOf(report),
  };
}

function reportText(report: Report): string {
  const { label, id, time, dropped, categorical, features } = report.proposal;
  const lines = [
    `${report.options.out} is written, from ${counted(report.rows, 'row')}:`,
    `  label: ${label.why} (${label.task})`,
    `  features: ${countText(features.length)}`,
    ...(time === undefined ? [] : [`  time: ${time}`]),
    ...(id === undefined ? [] : [`  id: ${id}`]),
    ...dropped.filter(({ name }) => name !== id).map(({ name, why }) => `  left out: ${name}, ${why}`),
    ...categorical.map(
      (name) => `  categorical: ${name} has numbers that are names; write them as text when you predict`,
    ),
    '',
    'Next:',
    ...commandsOf(report).map((command) => `  ${styles.bold(command)}`),
  ];
  return lines.join('\n');
}
