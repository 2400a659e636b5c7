/** Runs `millrace`: in this process, which is quick, or as one of its own, the way a user does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/cli/run.ts';
import { textFor } from '../../src/cli/styles.ts';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const program = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

export async function inProcess(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  async function* stdin(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(options.input ?? '');
  }
  const code = await run(args, {
    stdin: stdin(),
    stdinIsTerminal: false,
    stdoutIsTerminal: false,
    columns: undefined,
    stderrIsTerminal: false,
    environment: options.environment ?? {},
    print: (text) => {
      stdout += `${textFor({}, text)}\n`;
    },
    clear: () => undefined,
    note: (text) => {
      stderr += `${textFor({}, text)}\n`;
    },
  });
  return { code, stdout, stderr };
}

export async function asProcess(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: options.cwd,
    env: { ...process.env, NATS_URL: '', ...options.environment },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
