/** `millrace explain`: one prediction, and what each feature adds to it. */
import type { Command } from 'commander';
import type { Prediction } from '../protocol/messages.ts';
import type { Contribution, Explanation } from '../protocol/score-messages.ts';
import { featuresExample, objectInput } from './json-input.ts';
import { type ServerOptions, withClient, withServerOptions } from './options.ts';
import { instanceIn, sentence } from './predict.ts';
import { printJson, type Terminal } from './terminal.ts';
import { counted, tableText } from './words.ts';

interface ExplainOptions extends ServerOptions {
  readonly uncertainty?: boolean;
}

const example = `
Example:
  millrace explain flights '{"origin": "SFO", "distance": 337}'`;

export function addExplain(program: Command, terminal: Terminal): void {
  withServerOptions(program.command('explain'))
    .description('Ask a model for a prediction, and for what each feature adds to it')
    .argument('<model>', 'name of the model')
    .argument('[json]', 'features, or {"id": ..., "features": ...}; standard input when absent')
    .option('--uncertainty', 'also say how little is known of these features')
    .addHelpText('after', example)
    .action(
      async (
        model: string,
        json: string | undefined,
        { uncertainty = false, ...options }: ExplainOptions,
      ) => {
        const input = await objectInput(json, terminal, 'the features', featuresExample);
        const prediction = await withClient(options, (client) =>
          client.predict(model, instanceIn(input), { explain: true, uncertainty }),
        );
        if (options.json === true) printJson(terminal, prediction);
        else terminal.print(explainedText(prediction));
      },
    );
}

function explainedText(prediction: Prediction): string {
  const { uncertainty, explanation } = prediction;
  const doubt = uncertainty === undefined ? [] : [`uncertainty ${uncertainty.toPrecision(4)}`];
  return [sentence(prediction), ...doubt, ...(explanation ? [contributionsText(explanation)] : [])].join(
    '\n',
  );
}

function contributionsText({ contributions, rest, rawScore }: Explanation): string {
  const rows = contributions.map((one) => [nameText(one), numberText(one.value), signed(one.contribution)]);
  const others = rest.features === 0 ? 'rounding, clipping' : `${counted(rest.features, 'more feature')}`;
  return tableText(
    ['feature', 'value', 'adds'],
    [...rows, [others, '', signed(rest.contribution)], ['raw score', '', signed(rawScore)]],
    1,
  );
}

/** Features that share a row of the table have one weight, and are one line. */
const nameText = ({ name, also = [] }: Contribution): string => [name, ...also].join(' | ');

const numberText = (value: number): string => String(Number(value.toPrecision(6)));

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(4)}`;
