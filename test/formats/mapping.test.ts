import t from 'tap';
import { eventOf, timeOf } from '../../src/formats/mapping.ts';
import { eventsOf } from '../../src/formats/records.ts';
import { problemOf, type Row, recordOf } from '../../src/formats/row.ts';

t.test('mapping - an event as on the wire stays as it is', async (t) => {
  const event = { id: 'x', features: { a: 1 }, label: true, weight: 2, time: 3 };
  t.equal(eventOf(event, {}), event);
  t.throws(() => eventOf({ a: 1, label: 1 }, {}), { kind: 'badInput', message: /--label COLUMN/ });
  t.throws(() => eventOf({ features: { a: 1 } }, {}), {
    message: /"label" is missing/,
  });
});

t.test('mapping - a flat record gives label, id, time, weight, and features of the rest', async (t) => {
  const record = { key: 7, when: '2001-01-01', w: 0.5, late: 'yes', row: 1, a: 1, b: { c: 'x' }, d: null };
  const mapping = { label: 'late', positive: 'yes', id: 'key', time: 'when', weight: 'w', drop: ['row'] };
  t.same(eventOf(record, mapping), {
    id: '7',
    features: { a: 1, b: { c: 'x' }, d: null },
    label: 1,
    weight: 0.5,
    time: Date.UTC(2001, 0, 1),
  });
});

t.test('mapping - the positive value is compared as a value', async (t) => {
  const labelOf = (y: unknown, positive: string) => eventOf({ y, x: 1 }, { label: 'y', positive }).label;
  t.equal(labelOf(1, '1'), 1);
  t.equal(labelOf(1, '1.0'), 1);
  t.equal(labelOf(-1, '1'), 0);
  t.equal(labelOf(true, 'true'), 1);
  t.equal(labelOf('no', 'yes'), 0);
});

t.test('mapping - what is missing or wrong is named with its mend', async (t) => {
  const cases: [object, object, RegExp][] = [
    [{ x: 1 }, { label: 'y' }, /there is no column "y"; there are x/],
    [{ y: null, x: 1 }, { label: 'y' }, /column "y" is empty/],
    [{ y: 'late', x: 1 }, { label: 'y' }, /label "y" is "late", not a number; .*--positive VALUE/],
    [{ y: 1, w: -1 }, { label: 'y', weight: 'w' }, /weight "w" is -1; expected a number of at least 0/],
    [{ y: 1, at: 'soon' }, { label: 'y', time: 'at' }, /time "at" is "soon"; expected/],
    [{ y: 1 }, { label: 'y', id: 'i' }, /there is no column "i"/],
  ];
  for (const [record, mapping, message] of cases) {
    t.throws(
      () => eventOf(record as Record<string, unknown>, mapping),
      { kind: 'badInput', message },
      String(message),
    );
  }
});

t.test('mapping - a time is UTC unless it says otherwise', async (t) => {
  const noon = Date.UTC(2001, 0, 31, 12, 30);
  for (const text of [
    '2001-01-31T12:30:00Z',
    '2001-01-31 12:30',
    '2001/01/31 12:30:00',
    '2001-01-31T14:30:00+02:00',
  ]) {
    t.equal(timeOf(text, 'at'), noon, text);
  }
  t.equal(timeOf(noon, 'at'), noon);
  t.equal(timeOf(noon / 1000, 'at'), noon, 'seconds');
  t.equal(timeOf('2001-01', 'at'), Date.UTC(2001, 0, 1));
  t.throws(() => timeOf('2001-13-01', 'at'));
  t.throws(() => timeOf(null, 'at'));
});

t.test('mapping - a row that cannot be read becomes a problem in its place', async (t) => {
  async function* rows(): AsyncGenerator<Row<Record<string, unknown>>> {
    yield recordOf(2, { y: 1, x: 1 });
    yield problemOf(3, 'broken');
    yield recordOf(4, { y: 'maybe', x: 1 });
  }
  const found: string[] = [];
  for await (const row of eventsOf(rows(), { label: 'y' })) {
    found.push(
      row.kind === 'record'
        ? `${row.line}: ${row.value.event.label}`
        : `${row.line}: ${row.problem.slice(0, 11)}`,
    );
  }
  t.same(found, ['2: 1', '3: broken', '4: label "y" i']);
});
