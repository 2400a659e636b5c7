/** Secrets of the configuration: as they stand, from an environment variable, or from a file. */
import { readFileSync } from 'node:fs';
import type { Secret } from '../../config/nats-schema.ts';
import { messageOf, SetupError } from '../base/errors.ts';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const secretLengthMax = 64 * 1024;

/** `setting` is its path for messages, such as nats.password. Throws SetupError that never shows the secret. */
export function readSecret(secret: Secret, setting: string, environment: Environment): string {
  const value = typeof secret === 'string' ? secret : fetched(secret, setting, environment);
  if (value === '') throw new SetupError(`${setting} is empty: expected a secret, or leave the setting out`);
  return value;
}

function fetched(secret: Exclude<Secret, string>, setting: string, environment: Environment): string {
  if ('file' in secret) return readSecretFile(secret.file, setting);
  const value = environment[secret.env];
  if (value !== undefined) return value;
  throw new SetupError(`${setting} is to come from the environment variable ${secret.env}, which is not set`);
}

/** Without the line end that editors and `echo` leave. */
export function readSecretFile(path: string, setting: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SetupError(`cannot read ${path}, named by ${setting}: ${messageOf(cause)}`, { cause });
  }
  if (text.length > secretLengthMax)
    throw new SetupError(
      `${path}, named by ${setting}, is no secret: it has more than ${secretLengthMax} characters`,
    );
  return text.replace(/\r?\n$/, '');
}
