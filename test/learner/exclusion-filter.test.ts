import t from 'tap';
import { ExclusionFilter } from '../../src/learner/exclusion-filter.ts';
import type { Exclusion } from '../../src/protocol/internal.ts';

const message = (seq: number, subject = 'millrace.v1.learn.m', msgId?: string) => ({
  seq,
  subject,
  header: (name: string) => (name.toLowerCase() === 'nats-msg-id' ? msgId : undefined),
});
const filterOf = (...exclusions: Exclusion[]) => new ExclusionFilter(exclusions);

t.test('a position - is one event, or its whole message', async (t) => {
  const filter = filterOf({ kind: 'position', seq: 7 }, { kind: 'position', seq: 9, index: 2 });
  t.ok(filter.coversMessage(message(7)));
  t.ok(filter.isPoison(message(7)));
  t.notOk(filter.coversMessage(message(9)));
  t.notOk(filter.isPoison(message(9)));
  t.ok(filter.coversEvent(9, 2, undefined), 'whatever it is');
  t.notOk(filter.coversEvent(9, 1, {}));
  t.notOk(filter.coversEvent(8, 2, {}));
});

t.test("an id - is an event's own or its message's, up to a sequence", async (t) => {
  const filter = filterOf({ kind: 'id', value: 'a', untilSeq: 10 });
  t.ok(filter.coversEvent(10, 0, { id: 'a', features: {} }));
  t.notOk(filter.coversEvent(11, 0, { id: 'a', features: {} }), 'a later one is another event');
  t.notOk(filter.coversEvent(10, 0, { id: 'b', features: { id: 'a' } }));
  t.ok(filter.coversMessage(message(3, undefined, 'a')));
  t.notOk(filter.coversMessage(message(11, undefined, 'a')));
  t.notOk(filter.coversMessage(message(3, undefined, 'b')));
  t.notOk(filter.coversMessage(message(3)));
});

t.test('a key - covers the messages that were published under it', async (t) => {
  const filter = filterOf(
    { kind: 'key', value: 'k', untilSeq: 10 },
    { kind: 'key', value: 'k', untilSeq: 4 },
  );
  t.ok(filter.coversMessage(message(10, 'millrace.v1.learn.m.k')), 'the wider of two rules counts');
  t.ok(filter.coversMessage(message(1, 'millrace.v1.label.m.k')));
  t.notOk(filter.coversMessage(message(11, 'millrace.v1.learn.m.k')));
  t.notOk(filter.coversMessage(message(1, 'millrace.v1.learn.m.other')));
  t.notOk(filter.coversMessage(message(1)));
});

t.test('a feature - by name, or by name and value, as events spell them', async (t) => {
  const covers = (value: string, features: unknown) =>
    filterOf({ kind: 'feature', value, untilSeq: 10 }).coversEvent(10, 0, { features });
  t.ok(covers('user', { user: 'ann' }));
  t.ok(covers('user', { user: 0 }));
  t.notOk(covers('user', { user: null }), 'null is absent');
  t.notOk(covers('user', { users: 'ann' }));
  t.ok(covers('user=ann', { user: 'ann' }));
  t.notOk(covers('user=ann', { user: 'anna' }));
  t.ok(covers('user=a=b', { user: 'a=b' }), 'the first equals sign parts name and value');
  t.ok(covers('age=4.5', { age: 4.5 }));
  t.ok(covers('new=true', { new: true }));
  t.ok(covers('tags=x', { tags: ['y', 'x'] }), 'an item of a bag');
  t.ok(covers('user.id=7', { user: { id: 7 } }), 'in a namespace');
  t.ok(covers('user.id=7', { 'user.id': 7 }), 'a flat name with a dot is the same feature');
  t.ok(covers('a.b.c', { 'a.b': { c: 'x' } }));
  t.notOk(covers('constructor', {}), 'what every object inherits is no feature');
  for (const odd of [undefined, null, 7, 'user', [1], { user: {} }]) t.notOk(covers('user=ann', odd));
  t.notOk(
    filterOf({ kind: 'feature', value: 'user', untilSeq: 10 }).coversEvent(11, 0, { features: { user: 1 } }),
  );
  t.notOk(filterOf({ kind: 'feature', value: 'user', untilSeq: 10 }).coversEvent(1, 0, 'no object'));
});
