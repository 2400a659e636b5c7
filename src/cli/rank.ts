/** `millrace rank`: the candidates of one context in order. */
import type { Command } from 'commander';
import type { Explore, Ranking, RankOptions, RankRequest } from '../protocol/score-messages.ts';
import { UsageError } from './failure.ts';
import { objectInput } from './json-input.ts';
import {
  countFromOne,
  positiveNumber,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from './options.ts';
import { printJson, type Terminal } from './terminal.ts';
import { countText, tableText } from './words.ts';

interface RankCommandOptions extends ServerOptions {
  readonly top?: number;
  readonly minSeq?: number;
  readonly maxAge?: number;
  readonly explore?: Explore['name'];
  readonly epsilon?: number;
  readonly temperature?: number;
  readonly uncertainty?: number;
}

const requestExample = '{"context": {"hour": 9}, "candidates": [{"id": "a", "features": {"price": 3}}]}';
const example = `
Examples:
  millrace rank shop '${requestExample}'
  millrace rank shop --explore epsilon-greedy --epsilon 0.1 < request.json`;

export function addRank(program: Command, terminal: Terminal): void {
  withServerOptions(program.command('rank'))
    .description('Order candidates by their scores in one context, or in an order that explores')
    .argument('<model>', 'name of the model')
    .argument('[json]', '{"id"?, "context", "candidates": [{"id", "features"}]}; standard input when absent')
    .option('--top <places>', 'only the first places', countFromOne)
    .option('--explore <name>', 'none, epsilon-greedy or softmax; as configured when absent')
    .option('--epsilon <share>', 'of epsilon-greedy: share of places that are filled by chance', Number)
    .option('--temperature <t>', 'of softmax: how much is left to chance', positiveNumber)
    .option('--uncertainty <factor>', 'of softmax: how much the uncertainty counts', Number)
    .option('--min-seq <n>', 'the answer must know this sequence (of a receipt)', wholeNumber)
    .option(
      '--max-age <ms>',
      'the answer must be from a state that was complete this recently',
      positiveNumber,
    )
    .addHelpText('after', example)
    .action(async (model: string, json: string | undefined, options: RankCommandOptions) => {
      const explore = exploreOf(options);
      const input = await objectInput(json, terminal, 'the context and the candidates', requestExample);
      const { top, minSeq, maxAge } = options;
      // What the request says of itself, unless an option says otherwise.
      const request = input as unknown as RankRequest & RankOptions;
      const wishes: RankOptions = {
        ...wishesOf(request),
        ...(explore && { explore }),
        ...(top !== undefined && { top }),
        ...(minSeq !== undefined && { minSeq }),
        ...(maxAge !== undefined && { maxAgeMs: maxAge }),
      };
      const ranking = await withClient(options, (client) => client.rank(model, request, wishes));
      if (options.json === true) printJson(terminal, ranking);
      else terminal.print(rankingText(ranking));
    });
}

const wishesOf = ({ top, explore, minSeq, maxAgeMs }: RankOptions): RankOptions => ({
  ...(top !== undefined && { top }),
  ...(explore !== undefined && { explore }),
  ...(minSeq !== undefined && { minSeq }),
  ...(maxAgeMs !== undefined && { maxAgeMs }),
});

function exploreOf({ explore, epsilon, temperature, uncertainty }: RankCommandOptions): Explore | undefined {
  const numbers = { epsilon, temperature, uncertainty };
  const given = Object.entries(numbers).filter(([, value]) => value !== undefined);
  if (explore !== undefined) return { name: explore, ...Object.fromEntries(given) } as Explore;
  if (given.length > 0) throw new UsageError(`--${given[0]![0]} goes with --explore`);
  return undefined;
}

function rankingText({ id, items, version, seq, ageMs }: Ranking): string {
  const rows = items.map((item, place) => [
    String(place + 1),
    item.id,
    item.score.toFixed(4),
    item.propensity === undefined ? '-' : item.propensity.toFixed(4),
  ]);
  const provenance = `version ${version}, seq ${countText(seq)}, ${ageMs.toFixed(0)} ms old, id ${id}`;
  return [tableText(['place', 'candidate', 'score', 'propensity'], rows, 2), provenance].join('\n');
}
