/**
 * The server's side of a benchmark, a process of its own: a Millrace server in a temporary folder and, on the same
 * nats-server, an echo: a thread that answers with the bytes that it got. Its parent asks how much memory it has, and tells it to stop.
 */
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { parseConfig } from '../config/load.ts';
import { startServer } from '../src/server.ts';
import type { HostSample } from './with-host.ts';

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
const settings = JSON.parse(process.argv[2] ?? '{}') as object;
const config = parseConfig(
  JSON.stringify({ log: { level: 'error' }, ...settings, dataDir: folder, nats: { embedded: { port: 0 } } }),
  'benchmark',
);
const server = await startServer(config);
const echo = new Worker(
  new URL(import.meta.url.endsWith('.ts') ? './echo.ts' : './echo.js', import.meta.url),
  {
    workerData: server.url,
  },
);
await new Promise((resolve) => echo.once('message', resolve));
process.send!({ url: server.url });
/** Under `node --expose-gc` garbage goes first, which tells a leak from what nobody has collected yet. */
const sample = (): HostSample => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const files = readdirSync('/proc/self/fd').length;
  return { rss, heapUsed, external, handles: process.getActiveResourcesInfo().length, files };
};
process.on('message', async (message) => {
  if (message === 'sample') {
    process.send!(sample());
    return;
  }
  await echo.terminate();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
  process.disconnect();
});
