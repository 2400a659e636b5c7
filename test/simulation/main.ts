/**
 * `npm run simulate -- --seeds N [--from SEED] [--seed SEED] [--jobs N] [--bail] [--json]`: seeded schedules of a whole
 * system, each compared with the plain loop. One seed alone is told step by step. Exit code 1 when one failed.
 * `--mutations [--only TEXT]`: the same of products with a mistake each, which must be found. Exit code 1 when one
 * that can be found was not.
 */
import { parseArgs } from 'node:util';
import { sharedBuilds } from './builds.ts';
import { tryMutations } from './mutate.ts';
import { type Outcome, runSchedule } from './schedule.ts';
import { runShare } from './share.ts';
import { addTotals, sorted, type Totals } from './totals.ts';

async function one(seed: number, json: boolean): Promise<void> {
  const outcome = await runSchedule(seed, sharedBuilds(), json ? undefined : (line) => console.log(line));
  console.log(JSON.stringify(outcome, undefined, json ? undefined : 2));
  if (outcome.failure !== undefined) process.exitCode = 1;
}

async function many(
  from: number,
  count: number,
  options: { jobs: number; bail: boolean; json: boolean },
): Promise<void> {
  const { jobs, bail, json } = options;
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const totals: Totals = {};
  let steps = 0;
  let simulatedMs = 0;
  const failed: number[] = [];
  let seeds = 0;
  const done = (outcome: Outcome) => {
    seeds++;
    steps += outcome.steps;
    simulatedMs += outcome.simulatedMs;
    addTotals(totals, outcome.totals);
    if (outcome.failure === undefined) return;
    failed.push(outcome.seed);
    console.error(
      `seed ${outcome.seed}: ${outcome.failure}\n  replay: npm run simulate -- --seed ${outcome.seed}`,
    );
  };
  const shares = Array.from({ length: jobs }, (_, job) => ({
    first: from + job,
    count: Math.ceil((count - job) / jobs),
    stride: jobs,
    bail,
  }));
  await Promise.all(shares.map((share) => runShare(share, done)));
  // Of all threads: what a seed costs, also on a machine that has other things to do.
  const { user, system } = process.cpuUsage(startedCpu);
  const rounded = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;
  const figures = {
    seeds,
    failed: failed.length,
    failedSeeds: failed.sort((a, b) => a - b).slice(0, 100),
    steps,
    ...sorted(totals),
    simulatedHours: rounded(simulatedMs / 3_600_000, 2),
    seconds: rounded((performance.now() - startedMs) / 1000, 1),
    cpuSeconds: rounded((user + system) / 1e6, 1),
    cpuMsPerSeed: rounded((user + system) / 1000 / Math.max(1, seeds), 1),
  };
  console.log(json ? JSON.stringify(figures) : figures);
  if (failed.length > 0) process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      jobs: { type: 'string', default: '2' },
      bail: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      mutations: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
    },
  });
  const { seeds, from, seed, jobs, bail, json } = values;
  if (values.mutations) {
    if (!tryMutations(values.only, Number(seeds), Number(jobs))) process.exitCode = 1;
  } else if (seed !== undefined) await one(Number(seed), json);
  else await many(Number(from), Number(seeds), { jobs: Number(jobs), bail, json });
}

await main();
