/**
 * Where the embedded server keeps what. The data folder is resolved through links first, so that two names
 * of one folder meet at one lock.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SetupError } from '../../base/errors.ts';

export interface ServerLayout {
  /** Store, generated config, pid file and ports file. */
  readonly serverDir: string;
  readonly configPath: string;
  /** Seed of the key with which Millrace signs in, once there are users. */
  readonly keyPath: string;
  /** Written by the server itself, so that it is there even when we were killed right after the start. */
  readonly pidPath: string;
  readonly logPath: string;
  readonly lockDir: string;
}

export async function prepareLayout(dataDir: string): Promise<ServerLayout> {
  try {
    await mkdir(join(dataDir, 'nats'), { recursive: true });
    const root = await realpath(dataDir);
    const serverDir = join(root, 'nats');
    return {
      serverDir,
      configPath: join(serverDir, 'nats-server.conf'),
      keyPath: keyPathOf(root),
      pidPath: join(serverDir, 'nats-server.pid'),
      logPath: join(root, 'nats-server.log'),
      lockDir: join(root, 'lock'),
    };
  } catch (error) {
    throw new SetupError(
      `The data folder ${dataDir} cannot be used (${messageOf(error)}): set dataDir to a folder that may be written.`,
      { cause: error },
    );
  }
}

/** Where `doctor` looks too, without making the folder. */
export const keyPathOf = (dataDir: string): string => join(dataDir, 'nats', 'millrace.nk');
