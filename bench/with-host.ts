/** Starts the server's side (bench/host.ts) in a process of its own, and ends it whatever happens. */
import { fork } from 'node:child_process';

export async function withHost<Result>(
  settings: object,
  act: (url: string) => Promise<Result>,
): Promise<Result> {
  const entry = new URL(import.meta.url.endsWith('.ts') ? './host.ts' : './host.js', import.meta.url);
  const child = fork(entry, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const started = new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { url: string }).url));
    child.once('exit', (code) => reject(new Error(`the server of the benchmark ended with ${code}`)));
  });
  try {
    return await act(await started);
  } finally {
    if (child.connected) child.send('stop');
    await ended;
  }
}
