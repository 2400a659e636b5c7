/** `millrace predict`: one prediction from the command line, or one for each line of standard input. */
import type { Command } from 'commander';
import { MillraceError } from '../base/errors.ts';
import type { Millrace } from '../client/millrace.ts';
import { instanceOf, type PredictCallOptions } from '../client/predict.ts';
import { readJsonLines } from '../formats/jsonl.ts';
import type { FileRecord, Row } from '../formats/row.ts';
import { openSource } from '../formats/source.ts';
import type { Features, Instance, Label, Prediction } from '../protocol/messages.ts';
import { exitCodes, SilentFailure, UsageError } from './failure.ts';
import { inOrder } from './in-order.ts';
import { featuresExample, parsedObject } from './json-input.ts';
import { positiveNumber, type ServerOptions, wholeNumber, withClient, withServerOptions } from './options.ts';
import { printJson, type Terminal } from './terminal.ts';
import { countText } from './words.ts';

interface PredictOptions extends ServerOptions {
  readonly minSeq?: number;
  readonly maxAge?: number;
  readonly timeout: number;
}

/** Requests under way at a time when the input is a stream. */
const concurrency = 64;

const example = `
Examples:
  millrace predict flights '{"origin": "SFO", "distance": 337}'
  millrace predict flights - < instances.jsonl`;

export function addPredict(program: Command, terminal: Terminal): void {
  withServerOptions(program.command('predict'))
    .description('Ask a model: features as JSON, or JSON lines on standard input')
    .argument('<model>', 'name of the model')
    .argument('[json]', 'features, or {"id": ..., "features": ...}; - reads lines')
    .option('--min-seq <n>', 'the answer must know this sequence (of a receipt)', wholeNumber)
    .option(
      '--max-age <ms>',
      'the answer must be from a state that was complete this recently',
      positiveNumber,
    )
    .option('--timeout <ms>', 'how long to try', positiveNumber, 2_000)
    .addHelpText('after', example)
    .action(async (model: string, json: string | undefined, options: PredictOptions) => {
      if (json === undefined && terminal.stdinIsTerminal) {
        throw new UsageError(
          `nothing to predict; give the features: millrace predict ${model} '{"name": 1}'`,
        );
      }
      const input =
        json === undefined || json === '-' ? undefined : parsedObject(json, 'the features', featuresExample);
      await withClient(options, (client) => answer(client, model, input, options, terminal), options.timeout);
    });
}

async function answer(
  client: Millrace,
  model: string,
  input: FileRecord | undefined,
  options: PredictOptions,
  terminal: Terminal,
): Promise<void> {
  const call: PredictCallOptions = {
    ...(options.minSeq === undefined ? {} : { minSeq: options.minSeq }),
    ...(options.maxAge === undefined ? {} : { maxAgeMs: options.maxAge }),
  };
  const show = (prediction: Prediction<Label>) =>
    options.json === true ? printJson(terminal, prediction) : terminal.print(sentence(prediction));
  if (input !== undefined) return show(await client.predict<Label>(model, instanceIn(input), call));

  const source = await openSource('-', terminal.stdin);
  let failed = 0;
  const ask = async (row: Row<FileRecord>): Promise<Prediction<Label> | MillraceError> => {
    if (row.kind === 'problem') return new MillraceError('badInput', `line ${row.line}: ${row.problem}`);
    return client
      .predict<Label>(model, instanceIn(row.value), call)
      .catch((error: unknown) => badLine(row.line, error));
  };
  for await (const outcome of inOrder(readJsonLines(source.chunks), concurrency, ask)) {
    if (!(outcome instanceof MillraceError)) show(outcome);
    else {
      failed += 1;
      if (options.json === true)
        printJson(terminal, { error: { code: outcome.code, message: outcome.message } });
      else terminal.print(`no prediction: ${outcome.message}`);
    }
  }
  if (failed > 0) throw new SilentFailure(exitCodes.badInput);
}

/** What is wrong with one line is said in its place; anything else ends the run. */
function badLine(line: number, error: unknown): MillraceError {
  if (error instanceof MillraceError && error.kind === 'badInput') {
    return new MillraceError('badInput', `line ${line}: ${error.message}`, { cause: error });
  }
  throw error;
}

/** A recorded event may be asked about as it is: its label is not shown to the model. */
export function instanceIn(record: FileRecord): Instance {
  const { id, features } = record;
  if (typeof features !== 'object' || features === null || Array.isArray(features)) {
    return instanceOf(record as Features);
  }
  return { ...(typeof id === 'string' ? { id } : {}), features: features as Features };
}

/** One prediction as people read it. */
export function sentence(answer: Prediction<Label>): string {
  const { id, prediction, score, probabilities, version, seq, ageMs } = answer;
  const provenance = `version ${version}, seq ${countText(seq)}, ${ageMs.toFixed(0)} ms old`;
  const numbers = prediction === score ? `${prediction}` : `${prediction}  score ${score.toFixed(4)}`;
  const others = probabilities === undefined ? '' : `  (${probabilityText(probabilities)})`;
  return `${numbers}${others}  (${provenance}, id ${id})`;
}

/** Classes in a sentence at most; all of them are in the JSON. */
const classesShown = 5;

function probabilityText(probabilities: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(probabilities).sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, classesShown).map(([name, share]) => `${name} ${share.toFixed(4)}`);
  return [...shown, ...(sorted.length > classesShown ? ['...'] : [])].join(', ');
}
