import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import type { Message } from '../../src/nats/channel.ts';
import { decode, msgpackType } from '../../src/protocol/codec.ts';
import { replyError, respondError, respondValue } from '../../src/protocol/replies.ts';
import { keyOfSubject, subjectsOf, verbOfSubject } from '../../src/protocol/subjects.ts';

const subjects = subjectsOf('mill');

/** Whether a subscription's pattern takes a subject, as NATS has it. */
function matches(pattern: string, subject: string): boolean {
  const [want, got] = [pattern.split('.'), subject.split('.')];
  return want.length === got.length && want.every((token, i) => token === '*' || token === got[i]);
}

t.test('subjects - are those of the wire contract', async (t) => {
  t.equal(subjects.predict('m'), 'mill.v1.predict.m');
  t.equal(subjects.learn('m'), 'mill.v1.learn.m');
  t.equal(subjects.learn('m', 'k'), 'mill.v1.learn.m.k');
  t.equal(subjects.label('m', 'k'), 'mill.v1.label.m.k');
  t.equal(subjects.rejected('m'), 'mill.v1.rejected.m');
  t.equal(subjects.ctl('status'), 'mill.v1.ctl.status');
  t.equal(subjects.ctl('rollback', 'm'), 'mill.v1.ctl.rollback.m');
  t.equal(subjects.event('drift', 'm'), 'mill.v1.evt.drift.m');
});

t.test('subjects - verb and key are read back', async (t) => {
  for (const key of [undefined, 'k', '7']) {
    for (const verb of ['learn', 'label'] as const) {
      t.equal(verbOfSubject(subjects[verb]('m', key)), verb);
      t.equal(keyOfSubject(subjects[verb]('m', key)), key);
    }
  }
  t.equal(verbOfSubject(subjects.control('m')), 'control');
  t.equal(verbOfSubject('mill'), undefined);
});

t.test("subjects - a model's stream takes its own subjects and nobody else's", async (t) => {
  const own = ['learn', 'label'].flatMap((verb) => [`mill.v1.${verb}.m`, `mill.v1.${verb}.m.k`]);
  const foreign = [
    subjects.learn('other'),
    subjects.learn('m.k', 'x'),
    subjects.rejected('m'),
    subjects.predict('m'),
    subjects.control('other'),
    subjects.shard('m', 1, 0, 'push'),
    subjects.delta('m', 1, 0),
    subjectsOf('other').learn('m'),
  ];
  const takes = (subject: string) =>
    subjects.streamSubjects('m').filter((pattern) => matches(pattern, subject)).length;
  for (const subject of [...own, subjects.control('m')]) t.equal(takes(subject), 1, subject);
  for (const subject of foreign) t.equal(takes(subject), 0, subject);
});

t.test('subjects - no two purposes share one', async (t) => {
  const all = [
    subjects.shard('m', 1, 0, 'push'),
    subjects.shard('m', 1, 1, 'push'),
    subjects.shard('m', 2, 0, 'push'),
    subjects.shard('m', 1, 0, 'pull'),
    subjects.delta('m', 1, 0),
    subjects.learners('m', 1, 'cut'),
    subjects.predictor('m', 1, 'serve'),
    subjects.checkpointer('m', 'make'),
    subjects.monitor('view'),
    subjects.report('shard', 'm'),
    subjects.control('m'),
    subjects.stream('m'),
    subjects.rejectedStream,
  ];
  t.equal(new Set(all).size, all.length);
  t.match(subjects.stream('m'), /^[A-Za-z0-9_-]+$/, 'a stream has no dots');
});

/** The one method of a message that a reply needs, and what it was given. */
function asked() {
  const answers: { data: Uint8Array; headers: Record<string, string> | undefined }[] = [];
  const respond = (data: Uint8Array, headers?: Record<string, string>) => answers.push({ data, headers });
  return { message: { respond } as unknown as Message, answers };
}

t.test('replies - an operating error is told as it is, anything else without its insides', async (t) => {
  const error = new MillraceError('overloaded', 'too many waiters');
  t.equal(replyError(error), error);
  t.match(replyError(new TypeError('secret')), {
    code: 500,
    message: 'internal error; the server log has it',
  });
  t.match(replyError('thrown text'), { code: 500 });
});

t.test('replies - an error is one header line of bounded length', async (t) => {
  const { message, answers } = asked();
  respondError(message, new MillraceError('badInput', `a\r\nForged: yes\n${'x'.repeat(5000)}`));
  const { data, headers } = answers[0]!;
  t.equal(data.length, 0);
  t.equal(headers!['Nats-Service-Error-Code'], '400');
  t.match(headers!['Nats-Service-Error'], /^a Forged: yes x+$/);
  t.equal(headers!['Nats-Service-Error']!.length, 1024);
});

t.test('replies - a value goes out in the format that was asked for', async (t) => {
  const { message, answers } = asked();
  respondValue(message, { a: 1 }, 'json');
  respondValue(message, { a: 1 }, 'msgpack');
  t.same(answers[0]!.headers, {});
  t.equal(Buffer.from(answers[0]!.data).toString(), '{"a":1}');
  t.same(answers[1]!.headers, { 'Content-Type': msgpackType });
  t.same(decode(answers[1]!.data, msgpackType), { a: 1 });
});
