/** Rankings and explanations of a running server: on the wire, by the SDK and by the command line. */
import t, { type Test } from 'tap';
import { encode } from '../../src/protocol/codec.ts';
import type { Prediction } from '../../src/protocol/messages.ts';
import type { Ranking, Weights } from '../../src/protocol/score-messages.ts';
import { inProcess } from '../cli/command-line.ts';
import { availableServers } from '../support/nats-server.ts';
import { type Running, refused, startRunning } from '../support/running-server.ts';

t.setTimeout(120_000);
const rank = (model: string) => `millrace.v1.rank.${model}`;
const context = { hour: 9 };
const candidates = ['a', 'b', 'c'].map((id) => ({ id, features: { product: id } }));

t.test('rank', { skip: availableServers().length === 0 && 'no nats-server' }, async (t) => {
  const limits = { waitMs: 150, candidatesMax: 20, contributionsMax: 2 };
  const running = await startRunning(t, { m: { limits }, plain: { optimizer: { name: 'sgd' } } });
  const events = Array.from({ length: 40 }, (_, i) => ({
    features: { hour: i % 24, product: 'abc'[i % 3]! },
    label: i % 3 === 1 ? 1 : 0,
  }));
  const { seq } = await running.client.learn('m', events);
  await t.test('rank - by the SDK, in both formats, with the state that is asked for', (t) =>
    sdk(t, running, seq),
  );
  await t.test('rank - what cannot be served is refused by code and by name', (t) => refusals(t, running));
  await t.test('explain, weights and rank - on the command line', (t) => commands(t, running, seq));
});

async function sdk(t: Test, { client, ask }: Running, minSeq: number): Promise<void> {
  const ranking = await client.rank('m', { context, candidates }, { minSeq, top: 2 });
  t.match(ranking, { id: /^[0-9a-f-]{36}$/, model: 'm', version: 0, seq: minSeq });
  t.equal(ranking.items.length, 2);
  t.equal(ranking.items[0]?.id, 'b');
  const { score } = await client.predict('m', { ...context, product: 'b' });
  t.equal(ranking.items[0]?.score, score, 'the score of predict');
  const explore = { name: 'softmax', uncertainty: 1 } as const;
  const drawn = await client.rank('m', { id: 'x', context, candidates }, { explore });
  t.ok(drawn.items.every(({ propensity }) => propensity! > 0 && propensity! <= 1));
  const json = await ask(rank('m'), { id: 'x', context, candidates, explore });
  t.strictSame(json.items, drawn.items, 'one id, one order, in JSON too');
  const told = await client.predict('m', { ...context, product: 'b' }, { explain: true, uncertainty: true });
  t.ok(told.uncertainty! > 0);
  const { contributions, rest, rawScore } = told.explanation!;
  t.equal(contributions.length, 2);
  t.equal(contributions[0]?.name, 'product=b');
  const sum = contributions.reduce((all, { contribution }) => all + contribution, rest.contribution);
  t.ok(Math.abs(sum - rawScore) < 1e-12);
}

async function refusals(t: Test, { ask, client, channel }: Running): Promise<void> {
  const no = async (code: number, says: RegExp, body: unknown, model = 'm') =>
    t.match(await refused(ask(rank(model), body)), { code, message: says });
  await no(400, /candidates: expected an array/, {});
  await no(400, /the context has it too/, { context: { product: 'x' }, candidates });
  await no(400, /minSeq: 1000000 is beyond/, { candidates, minSeq: 1_000_000 });
  const many = Array.from({ length: 21 }, (_, i) => ({ id: String(i), features: {} }));
  await no(413, /candidates: 21; at most 20 \(limits.candidatesMax\)/, { candidates: many });
  await no(404, /no model is named nobody; there are: m, plain/, { candidates }, 'nobody');
  await no(504, /not reached within 150 ms/, { candidates, maxAgeMs: 0 });
  await no(
    400,
    /uncertainty: not there for optimizer sgd/,
    { candidates, explore: { name: 'softmax', uncertainty: 1 } },
    'plain',
  );
  t.match(await refused(client.predict('plain', { a: 1 }, { uncertainty: true })), {
    code: 400,
    message: /sgd/,
  });
  t.match(await refused(channel.request(rank('m'), encode('x', 'json'), { timeoutMs: 5_000 })), {
    code: 400,
  });
}

async function commands(t: Test, { server }: Running, minSeq: number): Promise<void> {
  const run = async (args: readonly string[], input = '') =>
    inProcess([...args, '--server', server.url], { input });
  const features = '{"hour": 9, "product": "b"}';
  const explained = await run(['explain', 'm', features, '--uncertainty']);
  t.match(explained, {
    code: 0,
    stdout: /score 0\.\d+[\s\S]*uncertainty \d[\s\S]*product=b +1 +\+\d[\s\S]*1 more feature[\s\S]*raw score/,
  });
  const json = JSON.parse((await run(['explain', 'm', '--json'], features)).stdout) as Prediction;
  t.equal(json.explanation?.contributions[0]?.name, 'product=b');
  t.match(await run(['explain', 'm', '[1]']), { code: 2, stderr: /the features are no JSON object/ });
  t.match(await run(['explain', 'plain', '{}', '--uncertainty']), {
    code: 2,
    stderr: /uncertainty: not there for optimizer sgd/,
  });

  const weights = await run(['weights', 'm', '--top', '3']);
  t.match(weights, {
    code: 0,
    stdout: /feature +weight\n(.+ +-?\d.*\n){3}5 rows are named by the latest 40 events of m; version 0/,
  });
  const largest = JSON.parse((await run(['weights', 'm', '--json'])).stdout) as Weights;
  t.equal(largest.weights[0]?.name, 'product=b');
  t.match(await run(['weights', 'm', '--events', '20000']), {
    code: 2,
    stderr: /events: expected at most 10000/,
  });
  t.match(await run(['weights', 'nobody']), { code: 1, stderr: /no model is named nobody/ });

  const request = JSON.stringify({ context, candidates, top: 2 });
  const table = await run(['rank', 'm', request, '--min-seq', String(minSeq)]);
  t.match(table, {
    code: 0,
    stdout: /place +candidate +score +propensity\n1 +b +0\.\d+ +-\n2 [\s\S]*version 0/,
  });
  const drawn = await run(
    ['rank', 'm', '--explore', 'epsilon-greedy', '--epsilon', '1', '--top', '3', '--json'],
    request,
  );
  const { items } = JSON.parse(drawn.stdout) as Ranking;
  t.strictSame(
    items.map(({ propensity }) => propensity),
    [1 / 3, 1 / 2, 1],
  );
  t.match(await run(['rank', 'm', request, '--epsilon', '1']), {
    code: 2,
    stderr: /--epsilon goes with --explore/,
  });
  t.match(await run(['rank', 'm', '{}']), { code: 2, stderr: /candidates: expected an array/ });
}
