/**
 * The processes that are broken: `millrace serve` as an operator starts it, its nats-server, and sometimes a second
 * serve. Everything is on one data folder of this run, and only what was started here is ever ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FaultOrder, FaultSettings } from '../../src/runtime/armed-faults.ts';
import { until } from '../support/channel-fixture.ts';

export interface Server {
  readonly pid: number;
  readonly url: string;
  readonly over: boolean;
  /** What it wrote to standard error. */
  output(): string;
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
}

export interface Waiting extends Omit<Server, 'url'> {
  stands(): Promise<void>;
  serves(): Promise<Server>;
}

const command = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const startMs = 120_000;

export class Stage {
  readonly folder: string;
  /** Where this run's servers take orders to fail. */
  readonly subject = `chaos-${randomUUID()}`;
  readonly #children = new Set<ChildProcess>();
  #started = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get natsPid(): number {
    return Number(readFileSync(join(this.dataDir, 'nats', 'nats-server.pid'), 'utf8'));
  }

  /** Begins a process, which may be one that will refuse to serve, or die at a point that it is armed with. */
  begin(armed: readonly FaultOrder[] = [], options: readonly string[] = []): Waiting {
    const faults: FaultSettings = { subject: this.subject, armed };
    const config = join(this.folder, 'config.json');
    const child = spawn(process.execPath, [command, 'serve', '--json', '--config', config, ...options], {
      cwd: this.folder,
      env: { ...process.env, MILLRACE_FAULTS: JSON.stringify(faults) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    const log = createWriteStream(join(this.folder, `serve-${++this.#started}.log`));
    const heard = { said: '', output: '' };
    child.stdout!.on('data', (chunk) => {
      heard.said += chunk;
    });
    child.stderr!.on('data', (chunk) => {
      log.write(chunk);
      heard.output += chunk;
    });
    const state = { over: false };
    const exited = once(child, 'exit').then(([code]) => {
      state.over = true;
      this.#children.delete(child);
      return code as number | null;
    });
    const server = {
      pid: child.pid!,
      get over() {
        return state.over;
      },
      output: () => heard.output,
      exited,
      signal: (name: NodeJS.Signals) => void child.kill(name),
    };
    const said = async (what: string) => {
      await until(startMs, `a server says ${what}`, () => {
        if (state.over) throw new Error(`the server ended instead: ${heard.output.slice(-2000)}`);
        return heard.said.includes(what);
      });
    };
    return {
      ...server,
      get over() {
        return state.over;
      },
      stands: () => said('{"standby":true}'),
      async serves() {
        await said('"url"');
        const line = heard.said.split('\n').find((one) => one.includes('"url"'))!;
        const { url } = JSON.parse(line) as { url: string };
        return Object.defineProperty({ ...server, url } as Server, 'over', { get: () => state.over });
      },
    };
  }

  /** Ends everything that was started here, the nats-server too. */
  async end(): Promise<void> {
    for (const child of this.#children) {
      const ended = once(child, 'exit');
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      await ended;
    }
    try {
      process.kill(this.natsPid, 'SIGCONT');
      process.kill(this.natsPid, 'SIGKILL');
    } catch {
      // It ended with its server.
    }
  }
}
