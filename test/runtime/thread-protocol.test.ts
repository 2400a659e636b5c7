import t from 'tap';
import { MillraceError, SetupError } from '../../src/base/errors.ts';
import { errorOf, failureOf } from '../../src/runtime/thread-protocol.ts';

t.test('failure - a MillraceError crosses threads with its kind, code and stack', async (t) => {
  const original = new MillraceError('notReady', 'no learner is at work');
  const arrived = errorOf(structuredClone(failureOf(original)));
  t.ok(arrived instanceof MillraceError);
  t.match(arrived, { name: 'MillraceError', kind: 'notReady', code: 503, message: original.message });
  t.equal(arrived.stack, original.stack);
});

t.test('failure - a SetupError is one on the other side too', async (t) => {
  const arrived = errorOf(structuredClone(failureOf(new SetupError('shards: expected 2, got 3'))));
  t.ok(arrived instanceof SetupError);
  t.equal(arrived.message, 'shards: expected 2, got 3');
});

t.test('failure - any other error keeps its name, and what is no error its text', async (t) => {
  t.match(errorOf(failureOf(new RangeError('too far'))), { name: 'RangeError', message: 'too far' });
  t.match(errorOf(failureOf('just a word')), { name: 'Error', message: 'just a word' });
  t.match(errorOf(failureOf(undefined)), { name: 'Error', message: 'undefined' });
});

t.test('failure - one that is plain already is left as it is', async (t) => {
  const failure = { name: 'MillraceError', message: 'x', kind: 'conflict', code: 409 };
  t.equal(failureOf(failure), failure);
  t.match(failureOf({ name: 'odd' }), { name: 'Error' });
});
