/** `millrace serve` as an operator starts it: a process of its own, which a test may kill. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { ConfigInput } from '../../config/schema.ts';
import { until } from './channel-fixture.ts';

export interface ServerProcess {
  readonly pid: number;
  /** What it wrote to standard error, so far. */
  output(): string;
  /** Resolves when the signal has ended it; to its exit code, null when the signal did. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Resolves when it ends by itself. */
  readonly exited: Promise<number | null>;
}

export interface StartedProcess extends ServerProcess {
  readonly url: string;
}

const command = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const startMs = 40_000;

/** A process that has just begun; it may be one that will refuse to serve. */
export async function spawnServer(
  t: Test,
  folder: string,
  config: ConfigInput,
  options: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProcess & { readonly child: ChildProcess }> {
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify(config));
  const child = spawn(process.execPath, [command, 'serve', '--json', '--config', file, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let output = '';
  child.stderr!.on('data', (chunk) => {
    output += chunk;
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  t.teardown(() => (child.exitCode === null && child.signalCode === null ? end('SIGKILL') : undefined));
  return { child, pid: child.pid!, output: () => output, end, exited };
}

/** Resolves when it serves. */
export async function startServerProcess(
  t: Test,
  folder: string,
  config: ConfigInput,
  options: readonly string[] = [],
): Promise<StartedProcess> {
  const { child, ...begun } = await spawnServer(t, folder, config, options);
  let said = '';
  child.stdout!.on('data', (chunk) => {
    said += chunk;
  });
  let over = false;
  void begun.exited.then(() => {
    over = true;
  });
  await until(startMs, 'the server process serves', () => {
    if (over) throw new Error(`the server process ended: ${begun.output()}`);
    return said.includes('"url"');
  });
  return { ...begun, url: (JSON.parse(said) as { url: string }).url };
}
