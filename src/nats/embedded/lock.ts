/**
 * The lock on a data folder: nats-server itself lets two servers open one store, which ruins it.
 *
 * The lock is a folder of numbered holder files; the highest number is the holder.
 *
 *   lock/holder-7.json  {"pid": 4711, "startTime": "...", "released": false}
 *
 * To take the lock when the holder released it or is dead, link a complete file to the next number: of any
 * number of takers one succeeds. Then remove the lower numbers. To release, replace one's own file by one
 * that says so; it stays.
 *
 * Invariant: a number disappears only while a higher one exists, so the highest never falls. A taker that
 * slept between looking and linking may link a number that was used up long ago; it looks again and finds
 * a higher one, and has lost.
 *
 * It guards against processes of the same machine. Two machines (or containers) that share a folder cannot
 * see each other's processes: give each its own dataDir.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SetupError } from '../../base/errors.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.ts';

/** A living process holds the lock: it has to end first, or another folder be used. */
export class FolderInUseError extends SetupError {}

export interface FolderLock {
  release(): Promise<void>;
}

interface Holder extends ProcessIdentity {
  readonly released: boolean;
}

/** Throws SetupError naming the process that holds the lock. `pid` is ours. */
export async function acquireLock(lockDir: string, pid: number): Promise<FolderLock> {
  const self = identifyProcess(pid) ?? { pid, startTime: null };
  try {
    await mkdir(lockDir, { recursive: true });
    for (;;) {
      const highest = await highestNumber(lockDir);
      const holder = await readHolder(lockDir, highest);
      if (holder !== undefined && !holder.released && isRunning(holder)) throw heldBy(holder, lockDir, pid);
      const mine = highest + 1;
      if (!(await createHolder(lockDir, mine, self))) continue;
      if ((await highestNumber(lockDir)) !== mine) {
        await rm(holderPath(lockDir, mine), { force: true });
        continue;
      }
      await removeBelow(lockDir, mine);
      return { release: () => writeReleased(lockDir, mine, self) };
    }
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const mend = 'set dataDir to a folder that may be written, on a file system with hard links';
    throw new SetupError(`The lock ${lockDir} cannot be taken (${messageOf(error)}): ${mend}.`, {
      cause: error,
    });
  }
}

const holderPath = (lockDir: string, number: number): string => join(lockDir, `holder-${number}.json`);

const numberOf = (fileName: string): number => Number(/^holder-(\d+)\.json$/.exec(fileName)?.[1] ?? 0);

async function highestNumber(lockDir: string): Promise<number> {
  return (await readdir(lockDir)).reduce((highest, fileName) => Math.max(highest, numberOf(fileName)), 0);
}

/** Undefined when there is no holder, or the file is what a power cut left of it. */
async function readHolder(lockDir: string, number: number): Promise<Holder | undefined> {
  if (number === 0) return undefined;
  try {
    const value = JSON.parse(await readFile(holderPath(lockDir, number), 'utf8')) as Partial<Holder> | null;
    if (!Number.isSafeInteger(value?.pid) || (value?.pid ?? 0) <= 0) return undefined;
    const startTime = typeof value?.startTime === 'string' ? value.startTime : null;
    return { pid: value?.pid as number, startTime, released: value?.released === true };
  } catch (error) {
    // Removed since we looked: a higher number exists, which the next look or the link will show.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** False when somebody else has the number. */
async function createHolder(lockDir: string, number: number, self: ProcessIdentity): Promise<boolean> {
  const temporary = await writeTemporary(lockDir, { ...self, released: false });
  try {
    await link(temporary, holderPath(lockDir, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeReleased(lockDir: string, number: number, self: ProcessIdentity): Promise<void> {
  try {
    await rename(await writeTemporary(lockDir, { ...self, released: true }), holderPath(lockDir, number));
  } catch (error) {
    // With the data folder deleted there is nothing left to release.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function writeTemporary(lockDir: string, holder: Holder): Promise<string> {
  const path = join(lockDir, `part-${randomUUID()}`);
  const file = await open(path, 'wx');
  try {
    await file.writeFile(JSON.stringify(holder));
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}

async function removeBelow(lockDir: string, number: number): Promise<void> {
  const older = (await readdir(lockDir)).map(numberOf).filter((other) => other > 0 && other < number);
  await Promise.all(older.map((other) => rm(holderPath(lockDir, other), { force: true })));
}

function heldBy(holder: Holder, lockDir: string, pid: number): SetupError {
  const who = holder.pid === pid ? `this process (pid ${pid})` : `the process with pid ${holder.pid}`;
  return new FolderInUseError(
    `The data folder is in use: ${who} holds the lock ${lockDir}. Stop that process, or set dataDir to another folder.`,
  );
}
