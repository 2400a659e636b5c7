/**
 * Goal: no predictor goes on with the state from before because a message got lost, nor a learner with learning, and
 * nobody waits for one that is not there.
 * Method: an actor of the test's own on a channel in memory, and a supervisor that only says how it is.
 */
import t from 'tap';
import { answerRequests } from '../../src/protocol/answering.ts';
import type { ServedState } from '../../src/protocol/internal.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import type { ActorState } from '../../src/runtime/child.ts';
import { tellLearners, tellPredictors } from '../../src/server/tell-actors.ts';
import { silent } from '../shard/fixture.ts';
import { MemoryChannel } from '../support/memory-channel.ts';

const subjects = subjectsOf('millrace');

function fixture(t: { fail(message: string): void }) {
  const channel = new MemoryChannel();
  const predictor = { state: 'running' as ActorState, terminated: [] as string[], heard: [] as number[] };
  const supervisor = {
    statuses: () => [{ name: 'm/predictor/0', kind: 'predictor', state: predictor.state, restarts: 0 }],
    terminate: (name: string) => void predictor.terminated.push(name),
  };
  const listen = () =>
    answerRequests<ServedState>(
      channel,
      subjects.predictor('m', 0, 'serve'),
      ({ epoch }) => {
        predictor.heard.push(epoch);
        return {};
      },
      (error) => t.fail(String(error)),
    );
  const state = { epoch: 7, version: 3, leftOut: [] };
  const tell = (served = () => state) =>
    tellPredictors({ channel, subjects, model: 'm', log: silent }, supervisor, 1, served);
  return { channel, predictor, listen, tell, state };
}

t.test('telling predictors - a message that is lost is repeated, with what is served by then', async (t) => {
  const { channel, predictor, listen, tell, state } = fixture(t);
  listen();
  let sent = 0;
  channel.loses = (_subject, reply) => !reply && sent++ === 0;
  await tell(() => ({ ...state, epoch: 7 + sent }));
  t.strictSame(predictor.heard, [8]);
  t.strictSame(predictor.terminated, []);
});

t.test('telling predictors - one that lives and does not listen yet is told when it does', async (t) => {
  const { predictor, listen, tell } = fixture(t);
  const told = tell();
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(predictor.heard, []);
  listen();
  await told;
  t.strictSame(predictor.heard, [7]);
});

t.test('telling predictors - nobody waits for one without a thread', async (t) => {
  const { predictor, tell } = fixture(t);
  predictor.state = 'backing-off';
  await tell();
  t.strictSame([predictor.heard, predictor.terminated], [[], []]);
});

t.test('telling predictors - one that stays deaf is started anew', async (t) => {
  const { channel, predictor, listen, tell } = fixture(t);
  listen();
  channel.loses = () => true;
  const realNow = performance.now;
  t.teardown(() => Object.assign(performance, { now: realNow }));
  let asked = 0;
  // Time that passes by itself, so that nobody waits for it.
  Object.assign(performance, { now: () => 40_000 * asked++ });
  await tell();
  t.strictSame(predictor.terminated, ['m/predictor/0']);
});

t.test('telling learners - one that stays deaf is started anew, and the others have heard', async (t) => {
  const channel = new MemoryChannel();
  const heard: boolean[] = [];
  answerRequests<{ paused: boolean }>(
    channel,
    subjects.learners('m', 7, 'pause-1'),
    ({ paused }) => {
      heard.push(paused);
      return {};
    },
    (error) => t.fail(String(error)),
  );
  const terminated: string[] = [];
  const supervisor = { statuses: () => [], terminate: (name: string) => void terminated.push(name) };
  const realNow = performance.now;
  t.teardown(() => Object.assign(performance, { now: realNow }));
  let asked = 0;
  Object.assign(performance, { now: () => 40_000 * asked++ });
  const line = { channel, subjects, model: 'm', log: silent };
  await tellLearners(line, supervisor, ['m/learner/0', 'm/learner/1'], 7, true);
  t.strictSame(terminated, ['m/learner/0']);
  t.strictSame(heard, [true]);
});
