/** Starts the server's side (bench/host.ts) in a process of its own, and ends it whatever happens. */
import { type ChildProcess, fork } from 'node:child_process';

/** Of the whole process, but `heapUsed` and `external`: those are of its main thread. */
export interface HostSample {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  /** What keeps the main thread alive: sockets, timers, workers. */
  readonly handles: number;
  /** Open files and sockets. */
  readonly files: number;
}

/** How the process is started. */
export interface HostProcess {
  readonly environment?: NodeJS.ProcessEnv;
  /** Of Node and V8. */
  readonly flags?: readonly string[];
}

export const withHost = <Result>(settings: object, act: (url: string) => Promise<Result>): Promise<Result> =>
  withSampledHost(settings, act);

export async function withSampledHost<Result>(
  settings: object,
  act: (url: string, sampleNow: () => Promise<HostSample>) => Promise<Result>,
  { environment = {}, flags = [] }: HostProcess = {},
): Promise<Result> {
  const entry = new URL(import.meta.url.endsWith('.ts') ? './host.ts' : './host.js', import.meta.url);
  const child = fork(entry, [JSON.stringify(settings)], {
    env: { ...process.env, ...environment },
    execArgv: [...process.execArgv, ...flags],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const started = new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { url: string }).url));
    child.once('exit', (code) => reject(new Error(`the server of the benchmark ended with ${code}`)));
  });
  try {
    return await act(await started, () => sampleOf(child));
  } finally {
    if (child.connected) child.send('stop');
    await ended;
  }
}

/** Answers come in the order of the questions. */
function sampleOf(child: ChildProcess): Promise<HostSample> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as HostSample));
    child.send('sample');
  });
}
