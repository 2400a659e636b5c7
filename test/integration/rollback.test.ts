/** Going back to an earlier version while predictions are asked: none fails, and each says truly what it is of. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Prediction } from '../../src/protocol/messages.ts';
import { until } from '../support/channel-fixture.ts';
import { availableServers } from '../support/nats-server.ts';
import { type Running, refused, startRunning, temporaryFolder } from '../support/running-server.ts';

// Three servers one after the other, on a machine that may be busy.
t.setTimeout(175_000);
const learn = 'millrace.v1.learn.m';
const predict = 'millrace.v1.predict.m';
const features = { who: 'x' };

/** Asks without pause; what came, in order, for each asker. */
function keepAsking({ client }: Running): () => Promise<{ failures: string[]; answers: Prediction[][] }> {
  const failures: string[] = [];
  let asking = true;
  const ask = async () => {
    const answers: Prediction[] = [];
    while (asking) {
      await client.predict('m', features).then(
        (answer) => answers.push(answer),
        (error) => failures.push(String(error)),
      );
    }
    return answers;
  };
  const askers = [ask(), ask()];
  return async () => {
    asking = false;
    return { failures, answers: await Promise.all(askers) };
  };
}

const scoreAt = async ({ client }: Running, minSeq?: number): Promise<number> =>
  (await client.predict('m', features, minSeq === undefined ? {} : { minSeq, timeoutMs: 10_000 })).score;

async function publish({ append }: Running, count: number, label: 0 | 1): Promise<number> {
  for (let at = 1; at < count; at++) await append(learn, { features, label });
  return append(learn, { features, label });
}

t.test('rollback', { skip: availableServers().length === 0 && 'no nats-server' }, async (t) => {
  const folder = temporaryFolder(t);
  const models = { m: { actors: { shards: 2, predictors: 2 } } };
  const first = await startRunning(t, models, { folder });
  const goodSeq = await publish(first, 20, 1);
  const goodScore = await scoreAt(first, goodSeq);
  const { version } = await first.client.checkpoint('m');
  const badSeq = await publish(first, 20, 0);
  const badScore = await scoreAt(first, badSeq);
  t.ok(badScore < goodScore - 0.1, `bad labels did harm: ${goodScore} to ${badScore}`);
  const marks = { goodSeq, badSeq, goodScore, badScore, version };

  await t.test('rollback - what came after the version is left out', (t) => goOn(t, first, marks));
  await first.stop();
  const second = await startRunning(t, models, { folder });
  await t.test('rollback - what was left out stays so after a restart', async (t) => {
    const leftOut = await refused(second.ask(predict, { features, minSeq: badSeq }));
    t.match(leftOut, { code: 409, message: /left out by a rollback/ });
    t.equal((await second.modelStatus('m')).learned, 21);
  });
  await second.client.checkpoint('m');
  await second.stop();
  damageVersionsAfter(version, join(folder, 'checkpoints', 'm'));
  const third = await startRunning(t, models, { folder });
  await t.test('rollback - damaged versions do not bring back what was left out', async (t) => {
    // The event after the rollback is in damaged versions alone; the log has it.
    t.match(await third.caughtUp('m'), { learned: 21, version });
    const leftOut = await refused(third.ask(predict, { features, minSeq: badSeq }));
    t.match(leftOut, { code: 409, message: /left out by a rollback/ });
    t.ok((await scoreAt(third)) > goodScore);
  });
  await t.test('rollback - or what came after it is learned again', (t) => learnAgain(t, third, marks));
  await t.test('rollback - to nothing, and what is refused', (t) => resetAndRefusals(t, third));
});

function damageVersionsAfter(version: number, folder: string): void {
  const after = readdirSync(folder).filter((name) => /^\d+$/.test(name) && Number(name) > version);
  const isShard = (name: string) => name.startsWith('shard-');
  const files = after.flatMap((name) =>
    readdirSync(join(folder, name))
      .filter(isShard)
      .map((file) => join(folder, name, file)),
  );
  for (const file of files) writeFileSync(file, readFileSync(file).fill(0, 0, 8));
}

interface Marks {
  readonly goodSeq: number;
  readonly badSeq: number;
  readonly goodScore: number;
  readonly badScore: number;
  readonly version: number;
}

async function goOn(t: Test, running: Running, marks: Marks): Promise<void> {
  const { client, modelStatus, ask } = running;
  const before = await modelStatus('m');
  const stopAsking = keepAsking(running);
  const { epoch } = await client.rollback('m', marks.version);
  t.equal(await scoreAt(running), marks.goodScore, 'the score of that version, bit for bit');
  const { failures, answers } = await stopAsking();
  t.strictSame(failures, [], `none of ${answers.flat().length} predictions failed`);
  const mixed = answers.flat().filter(({ score }) => score !== marks.goodScore && score !== marks.badScore);
  t.strictSame(mixed, [], 'each was of one state or of the other');
  for (const list of answers) {
    const back = list.findIndex((answer, at) => at > 0 && answer.seq < list[at - 1]!.seq - 1);
    t.equal(back, -1, 'the sequence of a reply did not go back');
  }
  const last = await client.predict('m', features);
  t.equal(last.version, marks.version);
  t.ok(epoch > before.epoch && last.seq >= before.seq, 'in a later epoch, at the end of the stream');
  t.match(await modelStatus('m'), { epoch, version: marks.version, learned: 20, phase: 'running' });

  const leftOut = await refused(ask(predict, { features, minSeq: marks.badSeq }));
  t.match(leftOut, { code: 409, message: new RegExp(`minSeq: ${marks.badSeq} was left out by a rollback`) });
  t.equal(
    (await ask(predict, { features, minSeq: marks.goodSeq })).score,
    marks.goodScore,
    'not what it has',
  );
  const minSeq = await publish(running, 1, 1);
  t.ok((await scoreAt(running, minSeq)) > marks.goodScore, 'and it learns on');
  t.equal((await running.caughtUp('m')).learned, 21);
}

async function learnAgain(t: Test, running: Running, marks: Marks): Promise<void> {
  const { client } = running;
  const stopAsking = keepAsking(running);
  await client.rollback('m', marks.version, { mode: 'relearn' });
  await until(10_000, 'learned again', async () => (await running.caughtUp('m')).learned === 41);
  const { failures, answers } = await stopAsking();
  t.strictSame(failures, [], `none of ${answers.flat().length} predictions failed`);
  const score = await scoreAt(running, marks.badSeq);
  t.ok(score > marks.badScore && score < marks.goodScore, 'with the 20 bad ones and the good one after them');
  const { versions } = await client.checkpoints('m');
  t.strictSame(
    versions.filter(({ current }) => current).map((one) => one.version),
    [marks.version],
  );
}

async function resetAndRefusals(t: Test, running: Running): Promise<void> {
  const { ask, client, modelStatus } = running;
  const ctl = 'millrace.v1.ctl.rollback.m';
  t.match(await refused(ask(ctl, { version: 999 })), { code: 404, message: /999/ });
  t.match(await refused(ask(ctl, { version: '1' })), { code: 400, message: /version/ });
  t.match(await refused(ask(ctl, { version: -1 })), { code: 400, message: /version/ });
  t.match(await refused(ask(ctl, { version: 1, mode: 'sideways' })), { code: 400, message: /mode/ });
  t.match(await modelStatus('m'), { phase: 'running', learned: 41 }, 'a refusal changes nothing');
  await client.resetModel('m');
  t.equal(await scoreAt(running), 0.5, 'nothing is known any more');
  t.match(await running.caughtUp('m'), { learned: 0, version: 0, phase: 'running' });
  const minSeq = await publish(running, 3, 0);
  t.ok((await scoreAt(running, minSeq)) < 0.5, 'and it learns anew');
  const { version } = await client.checkpoint('m');
  const { versions } = await client.checkpoints('m');
  t.match(versions.at(-1), { version, learned: 3, current: true, parent: 0 });
}
