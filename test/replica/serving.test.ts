/** A predictor's inside against real shards over a channel in memory: epochs, freshness, answers. */
import t from 'tap';
import { parseConfig } from '../../config/load.ts';
import { LatencyHistogram } from '../../src/base/latency-histogram.ts';
import { buildModel } from '../../src/kernels/build-model.ts';
import type { Message } from '../../src/nats/channel.ts';
import { decode, encode } from '../../src/protocol/codec.ts';
import { AnswerService } from '../../src/replica/answer-service.ts';
import { Insight } from '../../src/replica/insight.ts';
import { predictEndpoint } from '../../src/replica/predict-endpoint.ts';
import { Scorer } from '../../src/replica/scorer.ts';
import { Serving } from '../../src/replica/serving.ts';
import { partOf, shapeOf, silent } from '../shard/fixture.ts';
import { model, type RunningShard, runShard, subjects } from '../shard/row-of-shards.ts';
import { until } from '../support/channel-fixture.ts';
import { MemoryChannel } from '../support/memory-channel.ts';

const config = parseConfig(
  JSON.stringify({ models: { m: { optimizer: { name: 'sgd' }, features: { bits: 8 } } } }),
  'test',
).models.m!;
const who = { learner: 0, life: 1 };
const served = (epoch: number, version = 0) => ({ epoch, version, leftOut: [] });

function rowOf(channel: MemoryChannel, epoch: number): RunningShard {
  const { keyCount, width } = buildModel(config).model.layout;
  const running = runShard(channel, shapeOf({ keyCount, width, partitions: 1 }), undefined, 'first', epoch);
  running.shard.hello(who);
  return running;
}

function learn({ shard, publish }: RunningShard, toSeq: number, weight: number): void {
  const { keyCount } = shard.memory.shape.layout;
  shard.push(who, partOf(toSeq, [keyCount - 1], [weight]));
  shard.commit(who, toSeq);
  publish();
}

function world(now = () => performance.timeOrigin + performance.now(), wallNow = now) {
  const channel = new MemoryChannel();
  const stream = (lastSeq: number) =>
    channel.streams.set(subjects.stream(model), {
      firstSeq: 1,
      lastSeq,
      messages: 0,
      bytes: 0,
      bytesMax: 0,
      created: '',
    });
  const { keyCount, width: rowWidth } = buildModel(config).model.layout;
  const open = (epoch: number) =>
    new Serving({
      channel,
      subjects,
      model,
      shape: { shards: 1, keyCount, rowWidth },
      served: served(epoch),
      timeoutMs: 200,
      log: silent,
      limits: { waitMs: 200, waitersMax: 10 },
      now,
      wallNow,
    });
  return { channel, stream, open };
}

t.test('age - a replica that is behind has never known that it holds everything', async (t) => {
  let nowMs = 1_000_000;
  const { channel, stream, open } = world(() => nowMs);
  stream(5);
  const shard = rowOf(channel, 1);
  const serving = open(1);
  await serving.whole();
  nowMs += 50;
  t.ok(serving.state().provenance.ageMs > 900_000, 'at its start too');
  const refusals: unknown[] = [];
  serving.gate.admit({ maxAgeMs: 60_000 }, (refusal) => refusals.push(refusal?.code));
  t.strictSame(refusals, []);
  learn(shard, 5, 1);
  await until(1_000, 'an answer', () => refusals.length > 0);
  t.strictSame(refusals, [undefined]);
  t.equal(serving.state().provenance.ageMs, 0);
  nowMs += 30;
  t.equal(serving.state().provenance.ageMs, 30);
  serving.close();
});

t.test('freshness - runs from the publish to the row, by the clock of the stamps', async (t) => {
  let publishedMs = 5_000;
  const { channel, stream, open } = world(
    () => 1_000_000,
    () => publishedMs + 70,
  );
  stream(2);
  const shard = rowOf(channel, 1);
  const serving = open(1);
  await serving.whole();
  for (const seq of [1, 2]) {
    // The host's clock is set back by an hour between the two.
    if (seq === 2) publishedMs -= 3_600_000;
    shard.feed.committed(Float64Array.of(seq, publishedMs));
    learn(shard, seq, seq);
    await until(1_000, 'the delta', () => serving.seq === seq);
  }
  const taken = new LatencyHistogram();
  taken.merge(serving.freshness.take()!);
  const { count, p50Ms, maxMs } = taken.quantiles();
  t.equal(count, 2);
  t.ok(Math.abs(p50Ms - 70) < 1 && Math.abs(maxMs - 70) < 1, `${p50Ms} and ${maxMs} ms`);
  serving.close();
});

t.test('a new epoch - is served when it is whole, with an age of its own', async (t) => {
  const { channel, stream, open } = world();
  stream(5);
  const first = rowOf(channel, 1);
  const serving = open(1);
  learn(first, 5, 1);
  await serving.whole();
  await serving.checkEnd();
  t.match(serving.state().provenance, { version: 0, seq: 5 });
  await serving.serve(served(1, 7));
  t.match(serving.state().provenance, { version: 7, seq: 5 }, 'a version of the same epoch counts at once');

  let switched = false;
  const switching = serving.serve(served(2, 3)).then(() => {
    switched = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.notOk(switched);
  t.match(serving.state().provenance, { version: 7, seq: 5 }, 'the old replica answers meanwhile');
  const second = rowOf(channel, 2);
  learn(second, 2, 8);
  await switching;
  t.match(serving.state().provenance, { version: 3, seq: 2 });
  t.ok(serving.state().provenance.ageMs > 1e9, 'what the old replica knew says nothing of the new one');
  t.equal(serving.state().table.at(-1), 8);
  learn(first, 6, 1);
  await serving.serve(served(1, 9));
  t.match(serving.state().provenance, { version: 3, seq: 2 }, 'an older epoch is ignored');
  serving.close();
});

t.test('a new epoch overtaken by another - answers everybody who asked for either', async (t) => {
  const { channel, stream, open } = world();
  stream(0);
  rowOf(channel, 1);
  const serving = open(1);
  await serving.whole();
  const second = serving.serve(served(2));
  const third = serving.serve(served(3));
  const older = serving.serve(served(2));
  await second;
  t.equal(serving.served.epoch, 1, 'the second was given up before it was whole');
  rowOf(channel, 3);
  await serving.serve(served(3, 4));
  await Promise.all([third, older]);
  t.strictSame(serving.served, served(3, 4));
  serving.close();
});

interface Heard {
  readonly answer: unknown;
  readonly code: string | undefined;
  readonly done: string | undefined;
}

t.test('answers - one for each request, whatever it is', async (t) => {
  const built = buildModel(config);
  const { channel, stream, open } = world();
  stream(5);
  const shard = rowOf(channel, 1);
  const serving = open(1);
  await serving.whole();
  learn(shard, 5, 2);
  await until(1_000, 'the delta', () => serving.seq === 5);
  const scorer = new Scorer(built.definition, built.featurizer, built.model);
  const limits = { ...config.limits, instancesMax: 2 };
  const state = () => serving.state();
  const service = new AnswerService(limits, serving.gate, state, () => 0);
  const endpoint = predictEndpoint(scorer, new Insight(built, limits), limits);
  const ask = (data: Uint8Array, contentType?: string) =>
    new Promise<Heard>((resolve) => {
      let answer: unknown;
      let code: string | undefined;
      const message: Message = {
        subject: 's',
        data,
        wantsReply: true,
        header: () => contentType,
        respond: (bytes, headers = {}) => {
          code = headers['Nats-Service-Error-Code'];
          if (code === undefined) answer = decode(bytes, headers['Content-Type']);
        },
      };
      service.handle(message, endpoint, (refusal) => resolve({ answer, code, done: refusal?.message }));
    });
  const json = (body: unknown) => ask(encode(body, 'json'));

  const single = await json({ id: 'x', features: {}, minSeq: 5 });
  t.match(single.answer, {
    id: 'x',
    prediction: 1,
    score: 1 / (1 + Math.exp(-2)),
    model: 'm',
    seq: 5,
    version: 0,
  });
  const told = await json({ id: 'x', features: { n: 1 }, explain: true });
  t.match(told.answer, { prediction: 1, explanation: { rawScore: 2, rest: { features: 0 } } });
  t.equal((await json({ features: {}, uncertainty: true })).code, '400', 'sgd has none');
  const several = await json({ instances: [{ features: { a: {} } }, { features: {} }], explain: true });
  t.match(several.answer, { predictions: [{ explanation: {} }, { explanation: { rawScore: 2 } }] });
  const packed = await ask(encode({ id: 'x', features: {} }, 'msgpack'), 'application/msgpack');
  t.match(packed.answer, { id: 'x', prediction: 1 });
  const batch = await json({
    instances: [
      { id: 'a', features: {} },
      { id: 'b', features: { n: Number.NaN, s: {} } },
    ],
  });
  t.match(batch.answer, { predictions: [{ id: 'a' }, { id: 'b' }], seq: 5 });
  const mixed = await json({ instances: [{ features: { a: {} } }, 7] });
  t.match(mixed.answer, { predictions: [{ prediction: 1 }, { error: { code: 400 } }] });
  for (const [body, code] of [
    [{ features: 3 }, '400'],
    [{ features: {}, minSeq: 9 }, '400'],
    [{ instances: [1, 2, 3] }, '413'],
    [[], '400'],
  ] as const) {
    const heard = await json(body);
    t.equal(heard.code, code);
    t.ok(heard.done, 'the statistics hear of it');
  }
  t.equal((await ask(Uint8Array.of(0xff))).code, '400');
  t.equal((await ask(encode({}, 'json'), 'text/plain')).code, '400');
  serving.close();
  t.equal(
    (await json({ features: {}, minSeq: 6 })).code,
    '400',
    'refused by the end of the stream, also now',
  );
});
