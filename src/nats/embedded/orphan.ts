/**
 * A server that outlived us. nats-server does not die with its parent, so after we were killed it still has
 * the store open; starting a second one would ruin the store, and ending it would throw away warm caches.
 *
 * Called under the lock only. A process is taken for our server when its number is in the pid file that the
 * server wrote, its command line names our config file (where the system tells), and it greets with the
 * name that only a server of this store has.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerLayout } from './layout.ts';
import { commandLineOf, identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';
import { askServer, type ServerProcess } from './server-process.ts';
import { silentOrphan } from './start-errors.ts';

const pollMs = 50;
/** Nobody tells us when a process that is not our child ends: we look. */
const watchMs = 250;

export async function findOrphan(
  layout: ServerLayout,
  timeoutMs: number,
): Promise<ServerProcess | undefined> {
  const pid = await readPid(layout.pidPath);
  const identity = pid === undefined ? undefined : identifyProcess(pid);
  if (identity === undefined) return undefined;
  const command = commandLineOf(identity.pid);
  if (command !== undefined && !command.includes(`--config ${layout.configPath}`)) return undefined;

  const deadline = performance.now() + timeoutMs;
  // It may be on its way down, or still reading its store: both are waited for.
  while (isRunning(identity)) {
    const answer = await askServer(layout, identity.pid);
    if (answer !== undefined) return watched(identity, answer.port, answer.version);
    // Without a command line nothing but the greeting tells our server from a stranger with its number.
    if (command === undefined) return undefined;
    if (performance.now() > deadline) throw silentOrphan(identity.pid, timeoutMs);
    await sleep(pollMs);
  }
  return undefined;
}

function watched(identity: ProcessIdentity, port: number, version: string): ServerProcess {
  let tellEnd: (how: string) => void;
  const exited = new Promise<string>((resolve) => {
    tellEnd = resolve;
  });
  const timer = setInterval(() => {
    if (isRunning(identity)) return;
    clearInterval(timer);
    tellEnd('ended');
  }, watchMs);
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (isRunning(identity)) process.kill(identity.pid, name);
    } catch {
      // It ended between the look and the signal.
    }
  };
  return { pid: identity.pid, port, version, exited, signal, unref: () => timer.unref() };
}

async function readPid(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const pid = Number(text.trim());
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}
