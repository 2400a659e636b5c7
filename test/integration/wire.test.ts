/** The public contract on the wire of a running server: what goes in, what comes out, byte for byte where it counts. */
import t, { type Test } from 'tap';
import type { ModelInput } from '../../config/schema.ts';
import { decode, encode } from '../../src/protocol/codec.ts';
import { until } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import { rawRequest } from '../support/raw-wire.ts';
import { type Running, refused, startRunning } from '../support/running-server.ts';

const predict = (model: string) => `millrace.v1.predict.${model}`;
const learn = (model: string, key?: string) =>
  `millrace.v1.learn.${model}${key === undefined ? '' : `.${key}`}`;
const msgpack = { 'Content-Type': 'application/msgpack' };
const aPrediction = { id: String, prediction: Number, score: Number };
const provenance = { model: 'm', version: Number, seq: Number, ageMs: Number };

t.setTimeout(120_000);
const tight = { instancesMax: 20_000, waitMs: 150, waitersMax: 2 };
const regression: ModelInput = { task: 'regression', optimizer: { name: 'sgd' } };

t.test('wire', async (t) => {
  for (const { binary, label } of availableServers()) {
    const newest = binary === availableServers()[0]!.binary;
    const models = { m: { actors: { shards: 2 }, limits: tight }, ...(newest ? { r: regression } : {}) };
    const running = await startRunning(t, models, { binary });
    const check = (name: string, run: (t: Test, running: Running) => Promise<void>) =>
      t.test(`wire on ${label} - ${name}`, (t) => run(t, running));
    await check('a prediction has every field, in JSON and MessagePack alike', predictions);
    await check('an acked event is in the prediction that asks for it, every time', ownWrites);
    if (!newest) continue;
    await check('events come alone, in arrays, under keys, with weights and times', learning);
    await check('a request that cannot be served is refused by code and by name', refusals);
    await check('nats micro lists the services, with true times', microServices);
  }
  if (availableServers().length === 0) t.comment('no nats-server on this machine: nothing is tested');
});

async function predictions(t: Test, running: Running): Promise<void> {
  const seq = await running.append(learn('m'), { features: { color: 'red', size: 2 }, label: 1 });
  await single(t, running, seq);
  await batch(t, running, seq);
}

async function single(t: Test, { channel, server }: Running, minSeq: number): Promise<void> {
  const request = { id: 'mine', features: { color: 'red', size: 2 }, minSeq };
  const [json] = await rawRequest(server.url, predict('m'), encode(request, 'json'));
  t.strictSame(json!.headers, {}, 'a JSON answer has no headers');
  const answer = JSON.parse(json!.body.toString());
  t.strictSame(Object.keys(answer), ['id', 'prediction', 'score', 'model', 'version', 'seq', 'ageMs']);
  t.match(answer, { id: 'mine', prediction: 1, model: 'm', version: 0, seq: minSeq });
  t.ok(answer.score > 0.5 && answer.score < 1, `a probability that has learned: ${answer.score}`);
  t.ok(answer.ageMs >= 0 && answer.ageMs < 5_000, `an age: ${answer.ageMs}`);

  const options = { timeoutMs: 5_000, headers: { 'content-TYPE': 'Application/MsgPack; x=y' } };
  const packed = await channel.request(predict('m'), encode(request, 'msgpack'), options);
  t.equal(packed.header('Content-Type'), 'application/msgpack');
  const other = decode(packed.data, 'application/msgpack') as typeof answer;
  t.strictSame({ ...other, ageMs: 0 }, { ...answer, ageMs: 0 }, 'the same answer in the other format');

  const [handmade] = await rawRequest(server.url, predict('m'), handmadeRequest, { headers: msgpack });
  t.equal((decode(handmade!.body, 'application/msgpack') as typeof answer).score, answer.score);
}

/** {"features": {"color": "red", "size": 2}} as any MessagePack library would write it. */
const handmadeRequest = Buffer.concat([
  Buffer.from([0x81, 0xa8]),
  Buffer.from('features'),
  Buffer.from([0x82, 0xa5]),
  Buffer.from('color'),
  Buffer.from([0xa3]),
  Buffer.from('red'),
  Buffer.from([0xa4]),
  Buffer.from('size'),
  Buffer.from([0x02]),
]);

async function batch(t: Test, { ask, client }: Running, minSeq: number): Promise<void> {
  const instances = [
    { id: 'good', features: { color: 'red', size: 2 } },
    { id: 'wrong', features: { size: [1, 'two'] } },
    { features: {} },
    'no instance',
    { id: 7, features: {} },
    { id: 'bare' },
  ];
  const answer = await ask(predict('m'), { instances, minSeq });
  t.match(answer, { ...provenance, seq: minSeq });
  const predictions = answer.predictions as Record<string, unknown>[];
  t.match(predictions, [
    { id: 'good', prediction: 1, score: Number },
    { id: 'wrong', error: { code: 400, message: /features\.size/ } },
    aPrediction,
    { error: { code: 400, message: /object with features/ } },
    { error: { code: 400, message: /id: expected/ } },
    { id: 'bare', error: { code: 400, message: /features: missing/ } },
  ]);
  t.equal(predictions.length, instances.length, 'each in its own place');
  const packed = await client.predictMany('m', instances.slice(0, 2) as never, { minSeq });
  t.strictSame(packed.predictions, predictions.slice(0, 2), 'the same in MessagePack');
  t.strictSame((await ask(predict('m'), { instances: [] })).predictions, []);
}

async function ownWrites(t: Test, { append, ask }: Running): Promise<void> {
  let before = 0.5;
  let late = 0;
  const stale: string[] = [];
  for (let round = 0; round < 60; round++) {
    const minSeq = await append(learn('m'), { features: { round: 'same', other: `r${round}` }, label: 1 });
    const reply = await ask(predict('m'), { features: { round: 'same' }, minSeq });
    if ((reply.seq as number) < minSeq) late++;
    if ((reply.score as number) <= before) stale.push(`round ${round}: ${reply.score} after ${before}`);
    before = reply.score as number;
  }
  t.equal(late, 0, 'no reply was from before the receipt');
  t.strictSame(stale, [], 'and each showed the event that had just been acked');
}

async function learning(t: Test, { append, ask, caughtUp, channel }: Running): Promise<void> {
  const features = { a: 1 };
  const before = await caughtUp('m');
  await append(learn('m'), { id: 'x', features, label: true, weight: 2, time: Date.now() });
  await append(learn('m'), [
    { features, label: 0 },
    { features, label: 1, weight: 0 },
  ]);
  await append(learn('m', 'key=1'), { features, label: false, weight: null, time: null });
  await channel.append(learn('m', 'k'), encode([{ features, label: 1 }], 'msgpack'), { headers: msgpack });
  await append(learn('m'), []);
  const after = await caughtUp('m');
  t.match({ learned: after.learned - before.learned, rejected: after.rejected }, { learned: 5, rejected: 0 });

  const none = (await ask(predict('r'), { features: { b: 1 } })).score;
  t.equal(none, 0, 'a regression knows nothing yet');
  const minSeq = await append(learn('r'), { features: { b: 1 }, label: 2.5, weight: 0 });
  t.equal((await ask(predict('r'), { features: { b: 1 }, minSeq })).score, 0, 'weight 0 moves nothing');
  const heavy = await append(learn('r'), { features: { b: 1 }, label: 2.5, weight: 10 });
  const moved = await ask(predict('r'), { features: { b: 1 }, minSeq: heavy });
  t.ok((moved.score as number) > 0.1, `a weight of 10 moves a lot: ${moved.score}`);
  t.equal(moved.prediction, moved.score);

  const noStream = await refused(append('millrace.v1.learn.m.too.deep', { features, label: 1 }));
  t.match(noStream, { code: 503, message: /no stream takes this subject/ });
}

async function refusals(t: Test, { ask, server, append, client, channel }: Running): Promise<void> {
  const features = { a: 1 };
  await t.test('404: no such model', async (t) => {
    const [reply] = await rawRequest(server.url, predict('nobody'), encode({ features }, 'json'));
    t.equal(reply!.headers['Nats-Service-Error-Code'], '404');
    t.match(reply!.headers['Nats-Service-Error'], /no model is named nobody; there are: (m, r|r, m)/);
    t.equal(reply!.body.length, 0);
  });
  await t.test('413: too many instances, and an answer that would not fit', async (t) => {
    const over = { instances: Array.from({ length: 20_001 }, () => ({ features: {} })) };
    t.match(await refused(ask(predict('m'), over)), {
      code: 413,
      message: /instances: 20001; at most 20000/,
    });
    const many = { instances: Array.from({ length: 16_000 }, () => ({ features: {} })) };
    const startedMs = performance.now();
    t.match(await refused(ask(predict('m'), many)), { code: 413, message: /bytes/ });
    t.ok(performance.now() - startedMs < 10_000, 'told, not left to wait');
  });
  await t.test('400: a sequence that the stream does not have', async (t) => {
    const answer = await refused(ask(predict('m'), { features, minSeq: 1e6 }));
    t.match(answer, { code: 400, message: /minSeq: 1000000 is beyond the stream's end, \d+/ });
  });
  await t.test('504 and 429: what is not reached in time, and too many who wait', async (t) => {
    await client.pause('m');
    const minSeq = await append(learn('m'), { features, label: 1 });
    const late = await refused(ask(predict('m'), { features, minSeq }));
    t.match(late, { code: 504, message: /not reached within 150 ms: minSeq \d+ \(the replica is at \d+\)/ });
    const old = await refused(ask(predict('m'), { features, maxAgeMs: 20 }));
    t.match(old, { code: 504, message: /maxAgeMs 20 \(the replica's age is \d+ ms\)/ });
    const asked = Array.from({ length: 6 }, () => refused(ask(predict('m'), { features, minSeq })));
    const codes = (await Promise.all(asked)).map(({ code }) => code).sort();
    t.strictSame(codes, [429, 429, 429, 429, 504, 504], 'two wait, the others are told at once');
    t.match(await ask(predict('m'), { features }), { model: 'm' }, 'who asks for nothing is served');
    await client.resume('m');
    await until(
      10_000,
      'resumed',
      async () => (await refused(ask(predict('m'), { features, minSeq }))).code === 0,
    );
    t.match(await ask(predict('m'), { features, maxAgeMs: 1_000 }), { model: 'm' });
  });
  await t.test('503: the only predictor is just starting', async (t) => {
    const seen = new Set<number>();
    // It is away for some tenths of a second: none of many askers waits for another, and it may go twice.
    await until(20_000, 'somebody is told so', async () => {
      server.terminate('m/predictor/0');
      const asked: Promise<unknown>[] = [];
      for (let asker = 0; asker < 60; asker++) {
        const one = channel.request(predict('m'), encode({ features }, 'json'), { timeoutMs: 2_000 });
        asked.push(refused(one).then(({ code }) => seen.add(code)));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await Promise.all(asked);
      return seen.has(503);
    });
    await until(
      10_000,
      'served again',
      async () => (await refused(ask(predict('m'), { features }))).code === 0,
    );
    t.notOk(seen.has(404), 'nobody is told that the model does not exist');
  });
}

async function microServices(t: Test, { server, ask }: Running): Promise<void> {
  const about = async (verb: string) => {
    const replies = await rawRequest(server.url, `$SRV.${verb}`, new Uint8Array(0), { count: 3 });
    return replies.map(({ body }) => JSON.parse(body.toString()));
  };
  const pings = await about('PING');
  t.strictSame(pings.map(({ name }) => name).sort(), ['millrace', 'millrace', 'millrace-control']);
  t.ok(pings.every(({ type, version }) => type === 'io.nats.micro.v1.ping_response' && version === '0.1.0'));
  const endpoints = (await about('INFO')).flatMap((info) => info.endpoints);
  const subjects = endpoints.map(({ subject }) => subject).sort();
  const ranks = ['m', 'r'].map((model) => `millrace.v1.rank.${model}`);
  t.strictSame(subjects, ['millrace.v1.ctl.>', predict('m'), predict('r'), ...ranks]);
  t.match(
    endpoints.find(({ subject }) => subject === predict('r')),
    {
      name: 'predict-r',
      queue_group: 'millrace',
      metadata: { model: 'r', task: 'regression', predictor: '0' },
    },
  );
  for (let i = 0; i < 20; i++) await ask(predict('r'), { features: { i } });
  await refused(ask(predict('r'), { features: 'wrong' }));
  const stats = (await about('STATS')).flatMap((one) => one.endpoints);
  const r = stats.find(({ subject }) => subject === predict('r'));
  t.match(r, { num_errors: 1, last_error: /features: expected an object/ });
  t.ok(
    r.average_processing_time > 0 && r.processing_time >= r.average_processing_time * 20,
    'in nanoseconds',
  );
  t.match(r.data, { inFlight: 0, p50Ms: Number, p99Ms: Number });
}
