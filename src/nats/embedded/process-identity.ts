/**
 * Which process a number means. Process numbers are used again, so a process is known by its number *and* the
 * time it started. Linux tells both under /proc (with the boot, because ticks count from there); other
 * systems tell them through `ps`; where neither is to be had the number alone has to do.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; compared for equality only. Null where the system does not tell. */
  readonly startTime: string | null;
}

/** The process that has this number now; undefined when there is none, or only its remains (a zombie). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  if (!exists(pid)) return undefined;
  const status = readText(`/proc/${pid}/stat`);
  if (status === undefined) return { pid, startTime: askPs(pid, 'lstart=') ?? null };
  // The command may hold spaces and brackets: the fields start after the last bracket, with the state.
  const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  if (state === 'Z' || state === 'X') return undefined;
  const boot = readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  return { pid, startTime: `${boot}:${fields[19]}` };
}

export function isRunning(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  if (now === undefined) return false;
  return now.startTime === null || identity.startTime === null || now.startTime === identity.startTime;
}

/** The command line, arguments separated by spaces; undefined where the system does not tell. */
export function commandLineOf(pid: number): string | undefined {
  const line = readText(`/proc/${pid}/cmdline`);
  if (line !== undefined) return line.replaceAll('\0', ' ').trimEnd();
  return askPs(pid, 'command=');
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function askPs(pid: number, column: string): string | undefined {
  try {
    // One language and one time zone, or the same start would read differently to two callers.
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    const columns = ['-ww', '-o', column, '-p', String(pid)];
    const answer = execFileSync('ps', columns, { env, stdio: ['ignore', 'pipe', 'ignore'], timeout: 5_000 });
    return answer.toString('utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
