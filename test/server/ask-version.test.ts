/**
 * Goal: a request for a version outlives the checkpointer that heard it, and the loss of its answer.
 * Method: a checkpointer of the test's own on a channel in memory.
 */
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { answerRequests } from '../../src/protocol/answering.ts';
import type { MakeVersionReply, MakeVersionRequest } from '../../src/protocol/internal.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { askVersion } from '../../src/server/ask-version.ts';
import { MemoryChannel } from '../support/memory-channel.ts';

const subjects = subjectsOf('millrace');
const subject = subjects.checkpointer('m', 'make');

function fixture(answer: (request: MakeVersionRequest) => MakeVersionReply | Promise<MakeVersionReply>) {
  const channel = new MemoryChannel();
  const asked: MakeVersionRequest[] = [];
  const open = () =>
    answerRequests<MakeVersionRequest>(
      channel,
      subject,
      (request) => {
        asked.push(request);
        return answer(request);
      },
      (error) => t.fail(String(error)),
    );
  return { channel, asked, open, ask: () => askVersion({ channel, subjects, model: 'm' }, 'stop', 20_000) };
}

t.test('asking for a version - an answer that is lost is asked for again, under the same id', async (t) => {
  const { channel, asked, open, ask } = fixture(() => ({ version: 7 }));
  open();
  channel.loses = (_subject, reply) => reply && asked.length < 2;
  t.equal(await ask(), 7);
  t.strictSame(asked, [asked[0], asked[0]], 'the same request twice');
});

t.test('asking for a version - a checkpointer that is restarting is waited for', async (t) => {
  const { open, ask } = fixture(() => ({ version: 8 }));
  setTimeout(open, 120);
  t.equal(await ask(), 8);
});

t.test('asking for a version - a refusal is final, of whatever kind', async (t) => {
  const { asked, open, ask } = fixture(() => ({
    refused: { kind: 'deadline', message: 'no learner came by' },
  }));
  open();
  await t.rejects(ask(), new MillraceError('deadline', 'no learner came by'));
  t.equal(asked.length, 1);
});
