/**
 * Who may use the embedded server. Without users everybody on this machine may do everything. With users each signs
 * in with a password, of which the generated configuration holds a bcrypt hash only, and may do what its roles say;
 * Millrace itself signs in with a key of its own, whose seed lies in the data folder for its owner's eyes.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import bcrypt from 'bcryptjs';
import { nkeys } from 'nats';
import type { Config } from '../../../config/schema.ts';
import { clientPermissions } from '../../auth/permissions.ts';
import { permissionLines } from '../../auth/template.ts';
import { SetupError } from '../../base/errors.ts';
import { type Environment, readSecret } from '../secret.ts';
import type { ServerLayout } from './layout.ts';
import { quote } from './quote.ts';

export interface ServerAccess {
  /** Lines of the server's configuration; none when everybody may come in. */
  readonly lines: readonly string[];
  /** Path of the seed with which Millrace signs in. */
  readonly nkey?: string;
}

type User = Config['nats']['embedded']['users'][number];

/** What `nats server passwd` takes. */
const bcryptCost = 11;
/** bcrypt reads no more, so a longer password would be less than it seems. */
const passwordBytesMax = 72;
const ownerOnly = 0o600;

export async function serverAccess(
  layout: ServerLayout,
  users: readonly User[],
  root: string,
  environment: Environment,
): Promise<ServerAccess> {
  if (users.length === 0) return { lines: [] };
  const publicKey = await ownKey(layout.keyPath);
  const before = await readFile(layout.configPath, 'utf8').catch(() => '');
  const entries = await Promise.all(
    users.map(async (user, index) => {
      const setting = `nats.embedded.users[${index}].password`;
      const hash = await hashOf(user.user, readSecret(user.password, setting, environment), setting, before);
      return [userLine(user.user, hash), ...rights(user, root).map((line) => `    ${line}`), '    }'];
    }),
  );
  const lines = [
    'authorization {',
    '  users: [',
    `    { nkey: ${quote(publicKey)} }`,
    ...entries.flat(),
    '  ]',
    '}',
  ];
  return { lines, nkey: layout.keyPath };
}

const userLine = (user: string, hash: string): string =>
  `    { user: ${quote(user)}, password: ${quote(hash)}`;

const rights = ({ user, roles, models }: User, root: string): string[] =>
  permissionLines(clientPermissions(user, roles, { root, models: models ?? ['*'] }));

/** The public half; the seed is made at the first start. */
async function ownKey(path: string): Promise<string> {
  const kept = await readFile(path).catch(() => undefined);
  const pair = kept === undefined ? nkeys.createUser() : nkeys.fromSeed(kept);
  if (kept === undefined) await writeFile(path, pair.getSeed(), { mode: ownerOnly });
  await chmod(path, ownerOnly);
  return pair.getPublicKey();
}

/** The hash that the server runs with already, so that an unchanged password is an unchanged configuration. */
async function hashOf(user: string, password: string, setting: string, before: string): Promise<string> {
  if (Buffer.byteLength(password) > passwordBytesMax)
    throw new SetupError(`${setting} has more than ${passwordBytesMax} bytes: take a shorter one`);
  const line = before.split('\n').find((candidate) => candidate.startsWith(userLine(user, '').slice(0, -1)));
  const known = line?.match(/password: "([^"]+)"/)?.[1];
  if (known !== undefined && (await bcrypt.compare(password, known))) return known;
  return bcrypt.hash(password, bcryptCost);
}
