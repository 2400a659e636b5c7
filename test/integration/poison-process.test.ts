/**
 * An event that ends the whole process, each time that it is learned. Goal: whoever starts the server again and again
 * does so a bounded number of times, and then it is passed over like any poisonous event.
 */
import { join } from 'node:path';
import t from 'tap';
import { type ConfigInput, configSchema } from '../../config/schema.ts';
import type { FaultSettings } from '../../src/runtime/armed-faults.ts';
import { until } from '../support/channel-fixture.ts';
import { startTestServer } from '../support/nats-server.ts';
import { differences, PlainLoop } from '../support/plain-loop.ts';
import { openDoor, temporaryFolder } from '../support/running-server.ts';
import { spawnServer } from '../support/server-process.ts';
import { readState, systemMissing } from '../support/system.ts';

t.setTimeout(120_000);
const eventOf = (n: number) => ({ features: { who: `w${n % 3}`, x: n % 5 }, label: n % 2 });

t.test(
  'poison - an event that kills the process is passed over after a few starts',
  { skip: systemMissing() },
  async (t) => {
    const nats = await startTestServer(t);
    const folder = temporaryFolder(t);
    const limits = { streamBytesMax: 64 * 2 ** 20 };
    const models = { m: { features: { bits: 8 }, poison: { failuresMax: 2 }, limits } };
    const config: ConfigInput = {
      dataDir: join(folder, 'data'),
      nats: { servers: [nats.url] },
      metrics: { intervalMs: 20 },
      log: { level: 'error' },
      models,
    };
    // The epoch's entry has sequence 1, the array 3.
    const faults: FaultSettings = {
      subject: 'millrace-test-faults',
      armed: [],
      lives: {
        'm/learner/0': [
          { point: 'learner.learning', action: 'kill', at: { seq: 3, index: 1 }, times: 1_000_000 },
        ],
      },
    };
    const environment = { MILLRACE_FAULTS: JSON.stringify(faults) };
    const { client, channel, modelStatus, rejected } = await openDoor(t, nats.url);
    let deaths = 0;
    for (;;) {
      const server = await spawnServer(t, folder, config, [], environment);
      let isOver = false;
      void server.exited.then(() => {
        isOver = true;
      });
      await until(40_000, 'it has learned everything, or is dead', async () => {
        if (isOver) return true;
        const status = await modelStatus('m').catch(() => undefined);
        if (status?.phase !== 'running') return false;
        if (deaths === 0 && status.streamSeq === 1) {
          // Three messages at once, so that they may come in one batch.
          const messages = [eventOf(0), [eventOf(1), eventOf(2), eventOf(3)], eventOf(4)];
          await Promise.all(
            messages.map((message) =>
              channel.append('millrace.v1.learn.m', Buffer.from(JSON.stringify(message))),
            ),
          );
        }
        return status.lag === 0 && status.learned > 0;
      });
      if (!isOver) break;
      t.notMatch(server.output(), /SyntaxError|TypeError/);
      if (++deaths > 6) throw new Error('it dies on and on');
    }
    t.equal(deaths, 3, 'two of which were learned message by message');
    t.match(await modelStatus('m'), { learned: 4, excluded: 1 });
    t.match(await rejected('m'), [
      { seq: 3, index: 1, code: 500, reason: /given up: .* the process died/, original: eventOf(2) },
    ]);
    const { version } = await client.checkpoint('m');
    const modelConfig = configSchema.parse({ models }).models.m!;
    const plain = new PlainLoop(modelConfig);
    for (const n of [0, 1, 3, 4]) plain.learn(eventOf(n));
    const state = await readState(config.dataDir!, 'm', modelConfig, version);
    t.strictSame(differences(state.table, plain.table), [], 'everything else was learned once');
    t.match(await client.replay('m'), { identical: true });
  },
);
