/**
 * `peers`: `core` beside what people use today, in one run and on the same events, parsing counted on every side:
 * Vowpal Wabbit's command line (its text format, its own threads, its start subtracted) and River's pipeline (JSON
 * lines). Both are found in a Python environment, MILLRACE_PEERS (bench/peers/README.md); who is absent is skipped
 * by name.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LearnEvent } from '../src/index.ts';
import { coreLearner } from './core.ts';
import { clickEvents } from './events.ts';
import { measurePairs, rateOf } from './measure.ts';
import { isThere, peersPython } from './python.ts';
import type { Benchmark } from './result.ts';

const run = promisify(execFile);
const vwEvents = 100_000;
/** River's encoder gives every category that it has seen, so that it slows down as it goes: fewer events are in its favour. */
const riverEvents = 2_000;
const python = peersPython;

/** Vowpal Wabbit's text format: label, then features, `name=text` or `name:number`. */
export function vwLine({ features, label }: LearnEvent): string {
  const parts = Object.entries(features as Record<string, string | number>).map(([name, value]) =>
    typeof value === 'string' ? `${name}=${value}` : `${name}:${value}`,
  );
  return `${label === 1 ? 1 : -1} | ${parts.join(' ')}`;
}

/** Events per second of Vowpal Wabbit, without the time that it takes for a file of one line. */
async function vwRate(file: string, oneLine: string, count: number): Promise<number> {
  const secondsOf = async (path: string) => {
    const startedMs = performance.now();
    await run(python, ['-m', 'vowpalwabbit', '--data', path, '--loss_function', 'logistic', '--quiet']);
    return (performance.now() - startedMs) / 1000;
  };
  const start = await secondsOf(oneLine);
  return count / ((await secondsOf(file)) - start);
}

async function riverRate(file: string): Promise<number> {
  const script = join(process.cwd(), 'bench/peers/river_learn.py');
  const { stdout } = await run(python, [script, file]);
  const { events, seconds } = JSON.parse(stdout) as { events: number; seconds: number };
  return events / seconds;
}

export const peers: Benchmark = async ({ pairs, seed, say }) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-peers-'));
  try {
    const [vwFile, vwOne, jsonFile] = ['all.vw', 'one.vw', 'all.jsonl'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const events = clickEvents(vwEvents, seed);
    const lines = events.map(vwLine);
    await writeFile(vwFile, `${lines.join('\n')}\n`);
    await writeFile(vwOne, `${lines[0]}\n`);
    await writeFile(
      jsonFile,
      events
        .slice(0, riverEvents)
        .map((event) => `${JSON.stringify(event)}\n`)
        .join(''),
    );
    const learnAll = coreLearner(vwEvents, seed);
    const core = () => rateOf(vwEvents, learnAll);
    const skipped: string[] = [];
    const against = async (name: string, module: string, rate: () => Promise<number>) => {
      if (!isThere(python, module)) {
        say(`${name}: skipped, ${python} has no module ${module} (MILLRACE_PEERS names another Python)`);
        skipped.push(name);
        return undefined;
      }
      say(`${name}: ${pairs} pairs`);
      return measurePairs(pairs, core, rate);
    };
    const vw = await against('vw', 'vowpalwabbit', () => vwRate(vwFile, vwOne, vwEvents));
    const river = await against('river', 'river', () => riverRate(jsonFile));
    return {
      name: 'peers',
      value: vw?.subject ?? river?.subject ?? (await core()),
      unit: 'events/s of core',
      spread: vw?.spread ?? river?.spread ?? [1, 1],
      ratio: { ...(vw && { vw: vw.ratio }), ...(river && { river: river.ratio }) },
      vw: vw && { eventsPerSecond: vw.floor, threads: 2, options: '--loss_function logistic' },
      river: river && { eventsPerSecond: river.floor, spread: river.spread },
      skipped,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
