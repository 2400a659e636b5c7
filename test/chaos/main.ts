/**
 * `npm run chaos -- --seed N --faults M [--scene NAME] [--json]`: breaks real processes on purpose and says what was
 * lost. Exit code 1 when anything was (docs/chaos.md).
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '../../src/base/errors.ts';
import { type Scene, scenes } from './plan.ts';
import { type ChaosResult, runChaos } from './run.ts';

const wholeNumber = (text: string): number => {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError('expected a whole number');
};

const isGood = (result: ChaosResult): boolean =>
  result.lost === 0 &&
  result.duplicated === 0 &&
  result.identical &&
  result.acked === result.published &&
  result.predictionsFailedServing === 0;

const program = new Command('chaos')
  .option('--seed <number>', 'what the faults follow from', wholeNumber, 1)
  .option('--faults <number>', 'how many, over all scenes', wholeNumber, 40)
  .addOption(new Option('--scene <name>', 'this scene alone').choices(scenes))
  .option('--json', 'print the result as one line of JSON, last')
  .action(async (options: { seed: number; faults: number; scene?: Scene; json?: boolean }) => {
    const { seed, faults, scene } = options;
    const say = (sentence: string) => console.error(sentence);
    try {
      const result = await runChaos({ seed, faults, say, ...(scene && { scenes: [scene] }) });
      console.log(JSON.stringify(result, undefined, options.json === true ? undefined : 2));
      process.exitCode = isGood(result) ? 0 : 1;
    } catch (error) {
      console.error(`error: ${messageOf(error)}`);
      process.exitCode = 1;
    }
  });
await program.parseAsync();
