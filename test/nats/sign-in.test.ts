/**
 * Every way to sign in, on real servers, through every door: the server's configuration, a context of the `nats`
 * command line, the SDK and our own command line. And no door shows a secret when it is refused.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from 'nats';
import t, { type Test } from 'tap';
import { natsSchema } from '../../config/nats-schema.ts';
import type { ConfigInput } from '../../config/schema.ts';
import { connect } from '../../src/client/connect.ts';
import type { MillraceOptions } from '../../src/client/options.ts';
import { configuredConnection } from '../../src/nats/configured.ts';
import { connectChannel } from '../../src/nats/connection.ts';
import { loadContext } from '../../src/nats/context.ts';
import { inProcess } from '../cli/command-line.ts';
import { makeCertificates, opensslMissing } from '../support/certificates.ts';
import { onEachServer } from '../support/channel-fixture.ts';
import { operatorMode } from '../support/jwt.ts';
import { startTestServer } from '../support/nats-server.ts';

t.setTimeout(120_000);

/** One way in: what the server wants, and how each door says it. */
interface Way {
  readonly name: string;
  readonly server: string;
  readonly settings: ConfigInput['nats'];
  readonly options: MillraceOptions;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly context: Readonly<Record<string, unknown>>;
  /** What must never be shown. */
  readonly secret?: string;
}

const secret = 'Tr0ub4dor-and-3';
const wrong = 'wr0ng-and-s3cret';

function plainWays(folder: string): Way[] {
  const at = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const pair = nkeys.createUser();
  const seed = new TextDecoder().decode(pair.getSeed());
  const nkey = at('user.nk', `${seed}\n`);
  const { config, credentials } = operatorMode();
  const creds = at('user.creds', credentials);
  const file = at('password', `${secret}\n`);
  return [
    {
      name: 'user and password',
      server: `authorization { user: miller, password: ${JSON.stringify(secret)} }`,
      settings: { user: 'miller', password: { file } },
      options: { user: 'miller', password: secret },
      args: ['--user', 'miller'],
      environment: { NATS_PASSWORD: secret },
      context: { user: 'miller', password: secret },
      secret,
    },
    {
      name: 'token',
      server: `authorization { token: ${JSON.stringify(secret)} }`,
      settings: { token: { env: 'A_TOKEN' } },
      options: { token: secret },
      args: [],
      environment: { NATS_TOKEN: secret },
      context: { token: secret },
      secret,
    },
    {
      name: 'nkey',
      server: `authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`,
      settings: { nkey },
      options: { nkey },
      args: ['--nkey', nkey],
      environment: {},
      context: { nkey },
      secret: seed,
    },
    {
      name: 'credentials',
      server: config,
      settings: { credentials: creds },
      options: { credentials: creds },
      args: ['--creds', creds],
      environment: {},
      context: { creds },
    },
  ];
}

function tlsWays(folder: string, version: string): Way[] {
  const { ca, server, client } = makeCertificates(folder);
  const files = `cert_file: ${JSON.stringify(server.cert)}, key_file: ${JSON.stringify(server.key)}`;
  const ways: Way[] = [
    {
      name: 'TLS, with a password inside',
      server: `tls { ${files} }\nauthorization { user: miller, password: ${JSON.stringify(secret)} }`,
      settings: { user: 'miller', password: secret, tls: { ca } },
      options: { user: 'miller', password: secret, tls: { ca } },
      args: ['--user', 'miller', '--tlsca', ca],
      environment: { NATS_PASSWORD: secret },
      context: { user: 'miller', password: secret, ca },
      secret,
    },
    {
      name: 'TLS, both sides with certificates',
      server: `tls { ${files}, ca_file: ${JSON.stringify(ca)}, verify: true }`,
      settings: { tls: { ca, ...client } },
      options: { tls: { ca, ...client } },
      args: ['--tlsca', ca, '--tlscert', client.cert],
      environment: { NATS_KEY: client.key },
      context: { ca, ...client },
    },
  ];
  if (version.startsWith('2.9.')) return ways;
  const first = {
    name: 'TLS before the first word',
    server: `tls { ${files}, handshake_first: true }`,
    settings: { tls: { ca, handshakeFirst: true } },
    options: { tls: { ca, handshakeFirst: true } },
    args: ['--tlsca', ca, '--tlsfirst'],
    environment: {},
    context: { ca, tls_first: true },
  };
  return [...ways, first];
}

/** The command line reads the environment of its process. */
async function withEnvironment<T>(
  variables: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}

async function tryWay(t: Test, way: Way, binary: string): Promise<void> {
  const server = await startTestServer(t, { binary, config: way.server });
  const servers = [server.url];
  const environment = { A_TOKEN: secret };

  const settings = natsSchema.parse({ servers, ...way.settings });
  const channel = await connectChannel({ name: 'test', ...configuredConnection(settings, environment)! });
  await channel.flush();
  await channel.close();

  await (await connect({ servers, ...way.options })).close();

  const home = t.testdir({
    nats: { context: { 'this.json': JSON.stringify({ url: server.url, ...way.context }) } },
  });
  const contexts = { XDG_CONFIG_HOME: home };
  await (await connectChannel({ name: 'test', ...loadContext('this', contexts) })).close();
  const byContext = await withEnvironment(contexts, () => inProcess(['status', '--context', 'this']));
  const byOptions = await withEnvironment(way.environment, () =>
    inProcess(['status', '--server', server.url, ...way.args]),
  );
  // No Millrace is there to answer; that it was asked means that the server let us in.
  for (const outcome of [byContext, byOptions]) {
    t.match(outcome, { code: 3, stderr: /NATS answers, but no Millrace server/ });
  }

  const refused = await inProcess(['status', '--server', server.url]);
  // A server that waits for a TLS handshake and gets none says nothing at all.
  const isSilent = way.options.tls?.handshakeFirst === true;
  const expected = isSilent ? { code: 3 } : { code: 2, stderr: /refused the credentials|TLS/ };
  t.match(refused, expected, 'nobody comes in without');
  await refuseWrong(t, way, servers);
}

async function refuseWrong(t: Test, way: Way, servers: readonly string[]): Promise<void> {
  if (way.options.password === undefined && way.options.token === undefined) return;
  const options = {
    ...way.options,
    ...(way.options.password !== undefined ? { password: wrong } : { token: wrong }),
  };
  const error = await connect({ servers, ...options }).then(
    () => new Error('let in'),
    (thrown: Error) => thrown,
  );
  t.match(error, { name: 'SetupError', message: /refused the credentials/ });
  const shown = JSON.stringify([error.message, String(error.stack), String(error.cause)]);
  t.notOk(shown.includes(wrong) || shown.includes(secret), 'the secret is not in the error');
}

await onEachServer(t, 'sign-in', async (t, { binary }) => {
  for (const way of plainWays(t.testdir({}))) await t.test(way.name, (t) => tryWay(t, way, binary));
});

const noCertificates = opensslMissing();
if (noCertificates !== false) t.test('sign-in with TLS', { skip: noCertificates }, async () => {});
else {
  await onEachServer(t, 'sign-in', async (t, { binary, version }) => {
    const folder = t.testdir({});
    for (const way of tlsWays(folder, version)) await t.test(way.name, (t) => tryWay(t, way, binary));
    await t.test('TLS, with an authority that did not sign the certificate', async (t) => {
      const { server, otherCa } = makeCertificates(folder);
      const config = `tls { cert_file: ${JSON.stringify(server.cert)}, key_file: ${JSON.stringify(server.key)} }`;
      const { url } = await startTestServer(t, { binary, config });
      await t.rejects(connect({ servers: url, tls: { ca: otherCa } }), {
        name: 'SetupError',
        message: /TLS|certificate/,
      });
      await t.rejects(connect({ servers: url, tls: { ca: join(folder, 'nowhere.pem') } }), {
        message: /cannot read .*nowhere\.pem, named by nats\.tls\.ca/,
      });
      await t.rejects(connect({ servers: url.replace('nats:', 'tls:') }), { message: /TLS|certificate/ });
    });
    await t.test('TLS, where the server has none', async (t) => {
      const { ca } = makeCertificates(folder);
      const { url } = await startTestServer(t, { binary });
      await t.rejects(
        connect({ servers: url, tls: { ca } }),
        { message: /offers no TLS/ },
        'never in the clear',
      );
    });
  });
}
