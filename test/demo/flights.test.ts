import t from 'tap';
import { eventOf, featuresOf, interactions } from '../../demo/features.ts';
import { type Flight, flightsBetween, sampledFlights } from '../../demo/flights.ts';
import { SparseVector } from '../../src/base/sparse-vector.ts';
import { Featurizer } from '../../src/features/featurizer.ts';

const morning: Flight = {
  index: 0,
  time: Date.UTC(2001, 0, 2, 7, 50),
  origin: 'SEA',
  destination: 'ORD',
  miles: 1721,
  late: true,
};

t.test('sample - 20,000 flights in the order of departure, a fifth of them late', async (t) => {
  const flights = await sampledFlights();
  t.equal(flights.length, 20_000);
  t.same(flights[0], {
    index: 0,
    time: Date.UTC(2001, 0, 1, 0, 47),
    origin: 'DTW',
    destination: 'LAS',
    miles: 1750,
    late: true,
  });
  t.ok(
    flights.every((flight, index) => index === 0 || flight.time >= flights[index - 1]!.time),
    'never back in time',
  );
  const share = flights.filter(({ late }) => late).length / flights.length;
  t.ok(share > 0.15 && share < 0.25, `${share} are late`);
});

t.test('parquet - any part of the file has the same rows, across the border of two row groups', async (t) => {
  const border = 272_727;
  const around = await collect(flightsBetween(border - 2, border + 2));
  t.same(
    around.map(({ index }) => index),
    [border - 2, border - 1, border, border + 1],
  );
  t.same(await collect(flightsBetween(border, border + 1)), [around[2]]);
  t.same(await collect(flightsBetween(5, 5)), []);
  const [first] = await collect(flightsBetween(0, 1));
  t.same(first, {
    index: 0,
    time: Date.UTC(2001, 0, 1, 0, 1),
    origin: 'LAS',
    destination: 'PHL',
    miles: 2176,
    late: true,
  });
});

t.test('features - what is known at departure, as categories', async (t) => {
  t.same(featuresOf(morning), {
    origin: 'SEA',
    destination: 'ORD',
    day: '11324',
    weekday: 'Tuesday',
    hour: '7',
    halfHour: '15',
    quarterHour: '31',
    distance: '21',
  });
});

t.test('features - the outcome is in the label alone', async (t) => {
  t.same(featuresOf({ ...morning, late: false }), featuresOf(morning));
  t.same(eventOf(morning), { features: featuresOf(morning), label: 1, time: morning.time });
  t.equal(eventOf({ ...morning, late: false }).label, 0);
});

t.test('features - every flight of the sample has a value for each, and all crosses are made', async (t) => {
  const featurizer = new Featurizer({
    bits: 20,
    intercept: true,
    interactions,
    featuresMax: 64,
    depthMax: 1,
  });
  const vector = new SparseVector(64);
  const names = Object.keys(featuresOf(morning));
  for (const cross of interactions)
    t.ok(
      cross.every((name) => names.includes(name)),
      cross.join(' x '),
    );
  const odd = (await sampledFlights()).filter((flight) => {
    featurizer.featurize(featuresOf(flight), vector);
    return vector.count < 1 + names.length + interactions.length;
  });
  // Two names may share a row of the table; that is rare.
  t.ok(odd.length < 20, `${odd.length} flights with fewer features`);
});

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
