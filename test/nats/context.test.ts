import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectChannel } from '../../src/nats/connection.ts';
import { loadContext } from '../../src/nats/context.ts';
import { onEachServer } from '../support/channel-fixture.ts';
import { startTestServer } from '../support/nats-server.ts';

/** A configuration folder with these contexts; the environment that points at it. */
const environmentWith = (t: Test, contexts: Record<string, unknown>) => {
  const files = Object.entries(contexts).map(([name, content]) => [
    `${name}.json`,
    typeof content === 'string' ? content : JSON.stringify(content),
  ]);
  return {
    XDG_CONFIG_HOME: t.testdir({ nats: { context: Object.fromEntries(files) } }),
    HOME: '/users/miller',
  };
};

t.test('context - every setting becomes a connect option', async (t) => {
  const environment = environmentWith(t, {
    full: {
      description: 'all of it',
      url: 'nats://a:4222, nats://b:4222',
      user: 'u',
      password: 'p',
      token: 't',
      creds: '~/u.creds',
      nkey: '/keys/u.nk',
      cert: '/tls/cert.pem',
      key: '/tls/key.pem',
      ca: '/tls/ca.pem',
      inbox_prefix: '_IN',
      tls_first: true,
      nsc: '',
      jetstream_domain: '',
    },
    bare: { url: '', user: '', creds: '' },
  });
  t.same(loadContext('full', environment), {
    servers: ['nats://a:4222', 'nats://b:4222'],
    user: 'u',
    password: 'p',
    token: 't',
    credentials: '/users/miller/u.creds',
    nkey: '/keys/u.nk',
    inboxPrefix: '_IN',
    tls: { cert: '/tls/cert.pem', key: '/tls/key.pem', ca: '/tls/ca.pem', handshakeFirst: true },
  });
  t.same(loadContext('bare', environment), { servers: ['nats://127.0.0.1:4222'] });
});

t.test('context - lies under HOME when there is no XDG_CONFIG_HOME', async (t) => {
  const home = t.testdir({ '.config': { nats: { context: { 'here.json': '{"url":"nats://h:1"}' } } } });
  t.same(loadContext('here', { HOME: home }).servers, ['nats://h:1']);
  t.throws(() => loadContext('here', {}), { name: 'SetupError', message: /XDG_CONFIG_HOME/ });
});

t.test('context - what cannot be used is named', async (t) => {
  const environment = environmentWith(t, {
    one: {},
    two: {},
    torn: '{"url": ',
    list: [],
    number: { user: 7 },
    domain: { jetstream_domain: 'leaf' },
  });
  const refuses = (name: string, message: RegExp) =>
    t.throws(() => loadContext(name, environment), { name: 'SetupError', message });
  refuses('three', /no NATS context "three".*one.*two.*nats context save three/);
  refuses('../one', /expected the name/);
  refuses('torn', /torn\.json is not JSON/);
  refuses('list', /expected an object/);
  refuses('number', /user is a number, expected text/);
  refuses('domain', /jetstream_domain/);
  const empty = { XDG_CONFIG_HOME: join(environment.XDG_CONFIG_HOME, 'none') };
  t.throws(() => loadContext('one', empty), { message: /there is none/ });
});

await onEachServer(t, 'context - a connection by it', async (t, { binary }) => {
  const server = await startTestServer(t, { binary, config: 'authorization { token: "sesame" }' });
  const environment = environmentWith(t, { local: { url: server.url, token: 'sesame' } });
  const channel = await connectChannel({ name: 'by context', ...loadContext('local', environment) });
  await channel.flush();
  await channel.close();
});
