/** How NATS is reached, and the server that is started where there is none. */
import { z } from 'zod';
import { inboxPattern, name } from './names.ts';
import { integer } from './setting-kinds.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;

/** Never in logs, status or errors. `{"env": ...}` and `{"file": ...}` keep it out of the configuration too. */
const secretSchema = z.union([
  z.string(),
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
]);
const secret = (doc: string) => secretSchema.optional().describe(doc);

/** What a user of the embedded server may be; `millrace auth roles` shows what each may do. */
export const clientRoles = ['predict', 'label', 'learn', 'operator'] as const;

/** The name under which Millrace's own threads sign in where users have names. */
export const actorsUser = 'actors';

const embeddedUserSchema = z.strictObject({
  user: name,
  password: secretSchema,
  roles: z.array(z.enum(clientRoles)).min(1).max(clientRoles.length),
  models: z.array(name).min(1).max(1024).optional(),
});

export const natsSchema = z.strictObject({
  servers: z
    .array(z.string().min(1))
    .max(64)
    .default([])
    .describe('Servers to use; when empty (and no context) one is started'),
  context: z.string().min(1).optional().describe('Name of a `nats` CLI context to connect with'),
  user: z.string().min(1).optional().describe('User name for the servers'),
  password: secret('Password for the servers'),
  token: secret('Token for the servers'),
  credentials: z.string().min(1).optional().describe('Path of a .creds file'),
  nkey: z.string().min(1).optional().describe('Path of a file with an nkey seed'),
  tls: z
    .strictObject({
      ca: z
        .string()
        .min(1)
        .optional()
        .describe('Path of the authority that signed the certificate of the servers'),
      cert: z
        .string()
        .min(1)
        .optional()
        .describe('Path of our own certificate, for servers that ask for one'),
      key: z.string().min(1).optional().describe('Path of the key of our certificate'),
      handshakeFirst: z
        .boolean()
        .optional()
        .describe('Encrypt before the first word, for servers with `handshake_first`'),
    })
    .prefault({}),
  inboxPrefix: z
    .string()
    .regex(inboxPattern)
    .optional()
    .describe('First tokens of the subjects of answers, such as _INBOX_actors'),
  allowUnauthenticated: z
    .boolean()
    .default(false)
    .describe(
      'Whether servers on other machines may be used without signing in; the network must then be trusted',
    ),
  embedded: z
    .strictObject({
      port: integer(0, 65_535, 4222, 'Port of the embedded server on 127.0.0.1; 0: any free port'),
      binary: z.string().optional().describe('Path of a nats-server to run instead of the one that is found'),
      storeBytesMax: integer(16 * mib, 2 ** 50, 64 * gib, 'Bytes that the embedded server may store'),
      startTimeoutMs: integer(100, 600_000, 20_000, 'How long the embedded server may take to be ready'),
      users: z
        .array(embeddedUserSchema)
        .max(256)
        .default([])
        .describe(
          'Who may sign in to the embedded server, each `{user, password, roles, models?}`; when empty, everybody on this machine may do everything',
        ),
    })
    .prefault({}),
});

export type Secret = z.output<typeof secretSchema>;
export type ClientRole = (typeof clientRoles)[number];
