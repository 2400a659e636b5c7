/**
 * The server of the log loses what it acked: its store is replaced by an older copy, left as it is or grown again past
 * what was learned, or is gone. Method: whatever is in the log afterwards is learned, once, on top of parameters that
 * keep what was lost; a plain loop over the same events says what they must be.
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectChannel } from '../../src/nats/connection.ts';
import { decode, encode } from '../../src/protocol/codec.ts';
import type { LogRegressionStatus } from '../../src/protocol/messages.ts';
import { until } from '../support/channel-fixture.ts';
import { startTestServer, type TestServer } from '../support/nats-server.ts';
import { differences, PlainLoop } from '../support/plain-loop.ts';
import { type System, startSystem, systemMissing, temporaryFolder } from '../support/system.ts';

t.setTimeout(240_000);
const skip = systemMissing();
const model = { features: { bits: 10 }, actors: { shards: 2 }, snapshot: { heartbeatMs: 50 } };
const eventOf = (n: number) => ({ features: { who: `w${n % 7}`, x: n % 5 }, label: n % 3 === 0 ? 1 : 0 });

class Broker {
  readonly #t: Test;
  readonly server: TestServer;
  readonly #copy: string;

  constructor(t: Test, server: TestServer, folder: string) {
    this.#t = t;
    this.server = server;
    this.#copy = join(folder, 'copy');
  }

  /** Remembers the store as it is now. */
  async keepCopy(): Promise<void> {
    await this.server.stop();
    await rm(this.#copy, { recursive: true, force: true });
    await cp(this.server.storeDir, this.#copy, { recursive: true });
    await this.server.restart();
  }

  /** Comes back with the store of then, or none; events of these numbers are acked before anybody else sees it. */
  async comeBack(how: 'old' | 'empty', grown: readonly number[] = []): Promise<void> {
    await this.server.stop();
    await rm(this.server.storeDir, { recursive: true, force: true });
    if (how === 'old') await cp(this.#copy, this.server.storeDir, { recursive: true });
    if (grown.length > 0) await this.#grow(grown);
    await this.server.restart();
  }

  async #grow(numbers: readonly number[]): Promise<void> {
    const elsewhere = await startTestServer(this.#t, { storeDir: this.server.storeDir });
    const channel = await connectChannel({ servers: [elsewhere.url], name: 'test' });
    for (const n of numbers) await channel.append('millrace.v1.learn.m', encode(eventOf(n), 'json'));
    await channel.close();
    await elsewhere.stop();
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

async function learn({ client, caughtUp }: System, from: number, to: number): Promise<void> {
  let last = 0;
  for (const n of numbers(from, to)) last = (await client.learn('m', eventOf(n), { timeoutMs: 60_000 })).seq;
  await caughtUp('m', last);
}

async function regressed(system: System, kind: string): Promise<LogRegressionStatus> {
  let found: LogRegressionStatus | undefined;
  await until(60_000, `the status says ${kind}`, async () => {
    found = (await system.status('m').catch(() => undefined))?.regression;
    return found?.kind === kind;
  });
  return found!;
}

async function learnedAll(t: Test, system: System, plain: PlainLoop): Promise<void> {
  await until(60_000, 'all of it is learned', async () => {
    const status = await system.status('m').catch(() => undefined);
    return status !== undefined && status.lag === 0 && status.learned >= plain.learned;
  });
  const state = await system.stateOf('m');
  t.equal(state.learned, plain.learned);
  t.strictSame(differences(state.table, plain.table), []);
}

t.test(
  'while it runs - what the log has is learned, what it lost is kept, and it says so',
  { skip },
  async (t) => {
    const folder = await temporaryFolder(t);
    const server = await startTestServer(t);
    const broker = new Broker(t, server, folder);
    const system = await startSystem(t, { models: { m: model }, natsServer: server });
    const plain = new PlainLoop(system.modelConfig('m'));
    const learnPlainly = (from: number, to: number) => {
      for (const n of numbers(from, to)) plain.learn(eventOf(n));
    };
    const channel = await connectChannel({ servers: [server.url], name: 'test' });
    t.teardown(() => channel.close());
    const told: LogRegressionStatus[] = [];
    channel.subscribe('millrace.v1.evt.regression.m', ({ data }) => {
      told.push(decode(data, undefined) as LogRegressionStatus);
    });

    await learn(system, 0, 20);
    await broker.keepCopy();
    await learn(system, 20, 30);
    const before = await system.status('m');
    t.notOk(before.regression, 'a server that only was away has lost nothing');
    await broker.comeBack('old');
    const first = await regressed(system, 'truncated');
    t.strictSame(first.lost, [before.seq - 9, before.seq]);
    await learn(system, 30, 35);
    learnPlainly(0, 35);
    await learnedAll(t, system, plain);
    const status = await system.status('m');
    t.ok(status.epoch > before.epoch, 'epochs grow, although sequences do not');
    t.equal(status.regression?.epoch, first.epoch, 'shown until somebody has read of it');
    t.match(await system.client.acknowledge('m'), { regression: { kind: 'truncated' } });
    t.notOk((await system.status('m')).regression);

    await broker.keepCopy();
    await learn(system, 35, 40);
    const { seq } = await system.status('m');
    await broker.comeBack('old', numbers(40, 60));
    const second = await regressed(system, 'regrown');
    t.strictSame(second.lost, [seq - 4, seq]);
    learnPlainly(35, 60);
    await learnedAll(t, system, plain);

    await broker.comeBack('empty');
    await regressed(system, 'anew');
    await learn(system, 60, 65);
    learnPlainly(60, 65);
    await learnedAll(t, system, plain);
    t.match(await system.client.predict('m', eventOf(1).features), { model: 'm' });
    await until(10_000, 'the advisories came', async () => told.length >= 2);
    const { versions } = await system.client.checkpoints('m');
    await learn(system, 65, 70);
    const from = versions.at(-1)!.version;
    t.match(await system.client.replay('m', { from }), { identical: true }, 'a replay goes on from there');
  },
);

t.test('at a start - the same, by what the version knows of the log', { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const dataDir = await temporaryFolder(t);
  const server = await startTestServer(t);
  const broker = new Broker(t, server, folder);
  const start = () => startSystem(t, { models: { m: model }, natsServer: server, dataDir });
  let system = await start();
  const plain = new PlainLoop(system.modelConfig('m'));
  let next = 0;
  const learnMore = async (count: number) => {
    await learn(system, next, next + count);
    for (const n of numbers(next, next + count)) plain.learn(eventOf(n));
    next += count;
  };
  const grow = (count: number): number[] => {
    const grown = numbers(next, next + count);
    for (const n of grown) plain.learn(eventOf(n));
    next += count;
    return grown;
  };
  await learnMore(20);
  const cases = [
    { how: 'old', grown: 6, kind: 'regrown' },
    { how: 'old', grown: 30, kind: 'regrown' },
    { how: 'empty', grown: 0, kind: 'anew' },
  ] as const;
  for (const { how, grown, kind } of cases) {
    await broker.keepCopy();
    await learnMore(10);
    const { epoch, seq } = await system.status('m');
    await system.stop();
    await broker.comeBack(how, grow(grown));
    system = await start();
    const found = await regressed(system, kind);
    t.strictSame(found.lost, kind === 'anew' ? [1, seq] : [seq - 9, seq], `${kind} by ${grown}`);
    t.ok(found.epoch > epoch);
    await learnedAll(t, system, plain);
  }
  await learnMore(3);
  await system.stop();
  system = await start();
  t.notOk((await system.status('m')).regression, 'a clean start finds nothing new');
  await learnedAll(t, system, plain);
});
