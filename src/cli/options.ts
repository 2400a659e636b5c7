/** The options that every command of a running server has, and the values of options. */
import { type Command, InvalidArgumentError } from 'commander';
import { connect } from '../client/connect.ts';
import type { Millrace } from '../client/millrace.ts';
import type { MillraceOptions } from '../client/options.ts';

export interface ServerOptions {
  readonly server?: string;
  readonly context?: string;
  readonly root?: string;
  readonly user?: string;
  readonly creds?: string;
  readonly nkey?: string;
  readonly tlsca?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly tlsfirst?: boolean;
  readonly inboxPrefix?: string;
  readonly json?: boolean;
}

/** What commands do that reach a running server. */
const usualServer = 'NATS server (else NATS_URL, else nats://127.0.0.1:4222)';

/** The same names as those of the `nats` command line. Passwords have no option: every user of a machine sees those. */
export const withServerOptions = (command: Command, server = usualServer): Command =>
  command
    .option('--server <url>', server)
    .option('--context <name>', 'context of the `nats` command line to connect with')
    .option('--user <name>', 'user to sign in as (else NATS_USER); its password is NATS_PASSWORD')
    .option('--creds <file>', 'credentials file to sign in with (else NATS_CREDS)')
    .option('--nkey <file>', 'file of an nkey seed to sign in with (else NATS_NKEY)')
    .option('--tlsca <file>', 'authority of the certificate of the server (else NATS_CA)')
    .option('--tlscert <file>', 'own certificate (else NATS_CERT)')
    .option('--tlskey <file>', 'key of the own certificate (else NATS_KEY)')
    .option('--tlsfirst', 'encrypt before the first word')
    .option('--inbox-prefix <prefix>', 'first tokens of the subjects of answers (else NATS_INBOX_PREFIX)')
    .option('--root <name>', "first token of the subjects, as in the server's config")
    .option('--json', 'write JSON for programs');

type Environment = Readonly<Record<string, string | undefined>>;

/** What the SDK connects with. The environment counts where no context is named, which would say it all. */
export function clientOptions(options: ServerOptions, environment: Environment): MillraceOptions {
  const fromEnvironment = options.context === undefined ? environment : {};
  const chosen = (option: string | undefined, name: string) => option ?? (fromEnvironment[name] || undefined);
  const tls = {
    ca: chosen(options.tlsca, 'NATS_CA'),
    cert: chosen(options.tlscert, 'NATS_CERT'),
    key: chosen(options.tlskey, 'NATS_KEY'),
    handshakeFirst: options.tlsfirst,
  };
  const hasTls = Object.values(tls).some((value) => value !== undefined);
  return withoutAbsent({
    servers: options.server,
    context: options.context,
    user: chosen(options.user, 'NATS_USER'),
    password: chosen(undefined, 'NATS_PASSWORD'),
    token: chosen(undefined, 'NATS_TOKEN'),
    credentials: chosen(options.creds, 'NATS_CREDS'),
    nkey: chosen(options.nkey, 'NATS_NKEY'),
    tls: hasTls ? tls : undefined,
    inboxPrefix: chosen(options.inboxPrefix, 'NATS_INBOX_PREFIX'),
    root: options.root,
  });
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

const withoutAbsent = <T extends object>(values: T): Present<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;

/** Runs the work with a client and closes it, however the work ends. */
export async function withClient<T>(
  options: ServerOptions,
  work: (client: Millrace) => Promise<T>,
  timeoutMs?: number,
): Promise<T> {
  const client = await connect({
    ...clientOptions(options, process.env),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    name: 'millrace-cli',
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

export const wholeNumber = (text: string): number => wholeFrom(0, text);

export const countFromOne = (text: string): number => wholeFrom(1, text);

function wholeFrom(least: number, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** `a,b` or the option given several times. */
export const columnList = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== ''),
];
