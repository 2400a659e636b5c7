/** `npm run bench -- NAME [--json] [--pairs N] [--seed N]`: runs one benchmark, or lists them. */
import { Command, InvalidArgumentError } from 'commander';
import { core, ingest } from './core.ts';
import { cut } from './cut.ts';
import { durability } from './durability.ts';
import { families } from './families.ts';
import { freshness } from './freshness.ts';
import { kernels } from './kernels.ts';
import { learn } from './learn.ts';
import { mixed } from './mixed.ts';
import { overload } from './overload.ts';
import { peers } from './peers.ts';
import { predict } from './predict.ts';
import { rank } from './rank.ts';
import type { Benchmark, BenchResult } from './result.ts';

const benchmarks: Readonly<Record<string, Benchmark>> = {
  kernels,
  families,
  ingest,
  core,
  learn,
  predict,
  rank,
  freshness,
  mixed,
  overload,
  durability,
  cut,
  peers,
};

const wholeNumber = (text: string): number => {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('expected a whole number above 0');
};

function show(result: BenchResult): void {
  const { name, value, unit, spread, ratio, ...more } = result;
  console.log(`${name}: ${value.toPrecision(4)} ${unit}`);
  for (const [floor, figure] of Object.entries(ratio))
    console.log(`  ratio to ${floor}: ${figure.toFixed(3)}`);
  console.log(`  spread: ${spread.map((figure) => figure.toFixed(3)).join(' to ')}`);
  console.dir(more, { depth: 4 });
}

const program = new Command('bench')
  .argument('[name]', `one of: ${Object.keys(benchmarks).join(', ')}`)
  .option('--json', 'print the result as one line of JSON, last')
  .option('--pairs <number>', 'pairs of subject and floor', wholeNumber, 5)
  .option('--seed <number>', 'seed of the events', wholeNumber, 1)
  .action(async (name: string | undefined, options: { json?: boolean; pairs: number; seed: number }) => {
    const benchmark = name !== undefined && Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
    if (benchmark === undefined)
      program.error(
        `no benchmark ${name ?? '(none named)'}; there are: ${Object.keys(benchmarks).join(', ')}`,
        { exitCode: 2 },
      );
    const say = (sentence: string) => console.error(`${name}: ${sentence}`);
    const result = await benchmark!({ pairs: options.pairs, seed: options.seed, say });
    if (options.json === true) console.log(JSON.stringify(result));
    else show(result);
  });
await program.parseAsync();
