import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import type { Channel, ServiceEndpoint } from '../../src/nats/channel.ts';
import { bytes, fixture, onEachServer, refusal, text } from '../support/channel-fixture.ts';

interface Stats {
  readonly endpoints: readonly {
    readonly name: string;
    readonly queue_group: string;
    readonly num_requests: number;
    readonly num_errors: number;
    readonly last_error?: string;
    readonly processing_time: number;
    readonly average_processing_time: number;
    readonly data: { readonly inFlight: number; readonly p50Ms: number; readonly maxMs: number };
  }[];
}

const ask = async <T>(channel: Channel, subject: string): Promise<T> =>
  JSON.parse(text((await channel.request(subject, bytes(''), { timeoutMs: 2_000 })).data)) as T;

const spin = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

const endpoints: ServiceEndpoint[] = [
  {
    name: 'quick',
    subject: 'work.quick',
    queue: 'workers',
    metadata: { model: 'ctr' },
    handle: (message, done) => {
      spin(0.2);
      message.respond(message.data);
      done();
    },
  },
  {
    name: 'later',
    subject: 'work.later',
    queue: 'workers',
    handle: (message, done) => {
      setTimeout(() => {
        message.respond(bytes(''), { 'Nats-Service-Error-Code': '503', 'Nats-Service-Error': 'not yet' });
        done('not yet');
        done('said twice');
      }, 20);
    },
  },
];

await onEachServer(
  t,
  'service - answers, describes itself and measures what is true',
  async (t, { binary }) => {
    const { channel, connect } = await fixture(t, { binary });
    const spec = { name: 'predictor', version: '1.2.3', description: 'predicts', endpoints };
    const service = await channel.serve(spec);
    const client = await connect();
    const count = 50;
    for (let i = 0; i < count; i++) await client.request('work.quick', bytes('x'), { timeoutMs: 2_000 });
    await t.rejects(client.request('work.later', bytes(''), { timeoutMs: 2_000 }), {
      kind: 'notReady',
      message: 'not yet',
    });

    const info = await ask<{ version: string; endpoints: object[] }>(client, '$SRV.INFO.predictor');
    t.match(info, {
      version: '1.2.3',
      description: 'predicts',
      endpoints: [
        { name: 'quick', subject: 'work.quick', queue_group: 'workers', metadata: { model: 'ctr' } },
        { name: 'later', subject: 'work.later', queue_group: 'workers' },
      ],
    });
    const stats = await ask<Stats>(client, '$SRV.STATS.predictor');
    const [quick, later] = stats.endpoints;
    t.match(quick, { name: 'quick', num_requests: count, num_errors: 0, queue_group: 'workers' });
    t.ok(
      quick!.average_processing_time >= 0.2e6,
      `a handler of 0.2 ms shows ${quick!.average_processing_time} ns`,
    );
    t.ok(quick!.average_processing_time < 10e6);
    t.equal(quick!.average_processing_time, Math.round(quick!.processing_time / count));
    t.ok(quick!.data.p50Ms >= 0.2 && quick!.data.p50Ms <= quick!.data.maxMs);
    t.equal(quick!.data.inFlight, 0);
    t.match(later, { num_requests: 1, num_errors: 1, last_error: 'not yet' });
    t.ok(later!.average_processing_time >= 19e6, 'an answer that comes later counts until it came');

    await service.stop();
    await t.rejects(client.request('work.quick', bytes(''), { timeoutMs: 2_000 }), refusal('notReady'));
  },
);

await onEachServer(t, 'service - the queue group shares the work', async (t, { binary }) => {
  const { channel, connect } = await fixture(t, { binary });
  const served = [0, 0];
  const serveOn = (on: Channel, index: number) =>
    on.serve({
      name: 'shared',
      version: '1.0.0',
      description: '',
      endpoints: [
        {
          name: 'one',
          subject: 'shared.one',
          queue: 'q1',
          handle: (message, done) => {
            served[index]! += 1;
            message.respond(bytes(String(index)));
            done();
          },
        },
      ],
    });
  await serveOn(channel, 0);
  await serveOn(await connect(), 1);
  const client = await connect();
  for (let i = 0; i < 100; i++) await client.request('shared.one', bytes(''), { timeoutMs: 2_000 });
  t.equal(served[0]! + served[1]!, 100, 'each request is served once');
  t.ok(served[0]! > 10 && served[1]! > 10, `both work: ${served.join(' and ')}`);
});

// Goal: a handler that throws ends its thread, where a supervisor sees it, and not the reading of a connection
// that goes on looking alive. Method: a thread whose only handler throws, and the error that comes out of it.
await onEachServer(t, 'handlers - one that throws crashes its thread', async (t, { binary }) => {
  const { server, connect } = await fixture(t, { binary });
  const client = await connect();
  const crashOf = async (body: string, poke: () => void): Promise<string> => {
    const module = new URL('../../src/nats/connection.js', import.meta.url).href;
    const code = `import(${JSON.stringify(module)}).then(async ({ connectChannel }) => {
      const channel = await connectChannel({ servers: ['${server.url}'], name: 'thread' });
      const boom = () => { throw new Error('a broken invariant'); };
      ${body}
      await channel.flush();
      require('node:worker_threads').parentPort.postMessage('ready');
    })`;
    const worker = new Worker(code, { eval: true });
    t.teardown(() => worker.terminate());
    await once(worker, 'message');
    const crashed = once(worker, 'error') as Promise<[Error]>;
    poke();
    return (await crashed)[0].message;
  };
  const subscribed = "channel.subscribe('poke', boom);";
  t.equal(await crashOf(subscribed, () => client.publish('poke', bytes(''))), 'a broken invariant');
  const served = `await channel.serve({ name: 's', version: '1.0.0', description: '',
    endpoints: [{ name: 'e', subject: 'poke.service', queue: 'q', handle: boom }] });`;
  const asked = () => void client.request('poke.service', bytes(''), { timeoutMs: 2_000 }).catch(() => {});
  t.equal(await crashOf(served, asked), 'a broken invariant');
});
