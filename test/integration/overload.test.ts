/** More predictions are asked for than may wait: the rest is told so at once, and those who ask again are served. */
import t from 'tap';
import { until } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import { refused, startRunning } from '../support/running-server.ts';

t.setTimeout(120_000);
const skip = availableServers().length === 0 && 'no nats-server';
const features = { a: 1 };
const burst = <Result>(ask: (at: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: 200 }, (_, at) => ask(at)));

t.test('overload - a predictor sheds what may not wait, and serves the rest', { skip }, async (t) => {
  const limits = { predictQueueMax: 1 };
  const { ask, client, modelStatus } = await startRunning(t, { m: { actors: { predictors: 1 }, limits } });
  let shed = 0;
  await until(20_000, 'a burst has met a full queue', async () => {
    const answers = await burst((at) => refused(ask('millrace.v1.predict.m', { id: `${at}`, features })));
    const full = answers.filter(({ code }) => code === 429);
    shed += full.length;
    t.equal(
      answers.length - full.length,
      answers.filter(({ code }) => code === 0).length,
      'no third outcome',
    );
    t.ok(full.length < answers.length, 'some are served');
    t.ok(
      full.every(({ message }) =>
        /1 requests, or \d+ bytes of them, wait.*limits\.predictQueueMax.*ask again/.test(message),
      ),
    );
    return full.length > 0;
  });
  await until(5_000, 'the status says so', async () => (await modelStatus('m')).predictions.shed === shed);
  const { count, failed } = (await modelStatus('m')).predictions;
  t.ok(count > 0 && failed === 0, 'what is shed is no failure of the model');

  const predictions = await burst((at) =>
    client.predict('m', { id: `${at}`, features }, { timeoutMs: 60_000 }),
  );
  t.same(
    predictions.map(({ id }) => id),
    Array.from({ length: 200 }, (_, at) => `${at}`),
    'the SDK asks again, and every call is answered in the end',
  );
});
