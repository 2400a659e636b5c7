import t from 'tap';
import { acquireLease, type LeaseClock, reacquireLease } from '../../src/nats/leases.ts';
import { bytes, fixture, onEachServer, refusal, text, until } from '../support/channel-fixture.ts';

const clock: LeaseClock = {
  now: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

const lease = (holder: string, ttlMs = 500) => ({ bucket: 'leases', key: 'model.ctr', holder, ttlMs });

await onEachServer(t, 'bucket - conditional writes', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  const bucket = await channel.openBucket('pointers');
  t.equal(await bucket.get('a'), undefined);
  const first = await bucket.create('a', bytes('1'));
  await t.rejects(bucket.create('a', bytes('2')), refusal('conflict'));
  const second = await bucket.update('a', bytes('2'), first);
  t.ok(second > first);
  await t.rejects(bucket.update('a', bytes('3'), first), refusal('conflict'));
  await t.rejects(bucket.remove('a', first), refusal('conflict'));
  const entry = await (await channel.openBucket('pointers')).get('a');
  t.equal(entry?.revision, second);
  t.equal(text(entry!.value), '2');
  await bucket.remove('a', second);
  t.equal(await bucket.get('a'), undefined);
  t.ok((await bucket.create('a', bytes('4'))) > second, 'a removed key can be made again');
});

await onEachServer(
  t,
  'lease - one holder, named to the others, followed at once after a release',
  async (t, server) => {
    const { channel, connect } = await fixture(t, { binary: server.binary });
    const other = await connect();
    const first = await acquireLease(channel, lease('host-1'), clock);
    first.startRenewing();
    t.ok(first.held);
    await t.rejects(acquireLease(other, lease('host-2'), clock), { kind: 'conflict', message: /host-1/ });

    const heldSince = performance.now();
    await until(5_000, 'twice the time to live', () => performance.now() - heldSince > 2 * 500);
    await t.rejects(
      acquireLease(other, lease('host-2'), clock),
      refusal('conflict'),
      'renewed all the while',
    );
    t.ok(first.held);

    let lost = false;
    first.onLost(() => {
      lost = true;
    });
    await first.release();
    t.notOk(first.held);
    const second = await acquireLease(other, lease('host-2'), clock);
    t.ok(second.token > first.token, 'the token grows');
    t.notOk(lost, 'a release is no loss');
    await second.release();
  },
);

await onEachServer(
  t,
  'lease - a holder that stops renewing is followed by another, and knows',
  async (t, server) => {
    const { channel, connect } = await fixture(t, { binary: server.binary });
    const other = await connect();
    const asleep = await acquireLease(channel, lease('sleeper'), clock);
    const reasons: string[] = [];
    asleep.onLost((reason) => reasons.push(reason));
    let heldByBoth = false;
    const next = await (async () => {
      for (const end = performance.now() + 10_000; performance.now() < end; ) {
        try {
          const taken = await acquireLease(other, lease('next'), clock);
          heldByBoth = asleep.held;
          return taken;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
      throw new Error('the lease of a sleeper never ran out');
    })();
    t.notOk(heldByBoth, 'the sleeper had stopped believing before');
    t.ok(next.token > asleep.token);
    t.match(reasons, [/could not be renewed/]);
    asleep.onLost((reason) => reasons.push(reason));
    t.equal(reasons.length, 2, 'who asks late is told at once');
    await asleep.release();
    await t.rejects(
      acquireLease(channel, lease('third'), clock),
      { kind: 'conflict', message: /next/ },
      'still held',
    );
    await next.release();
  },
);

await onEachServer(t, 'lease - taken away by force, and an answer that was lost', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  const held = await acquireLease(channel, lease('one', 1_500), clock);
  const bucket = await channel.openBucket('leases', { ttlMs: 1_500 });
  const claim = (holder: string) => bytes(JSON.stringify({ holder, token: held.token }));
  const reasons: string[] = [];
  held.onLost((reason) => reasons.push(reason));
  // A renewal that was stored but whose answer never came: the revision is not the one that is known.
  const unknown = await bucket.update('model.ctr', claim('one'), held.token);
  held.startRenewing();
  await until(5_000, 'a renewal from the unknown revision', async () => {
    const entry = await bucket.get('model.ctr');
    return entry !== undefined && entry.revision > unknown;
  });
  t.ok(held.held);
  await until(5_000, 'the key to be taken by force', async () => {
    const entry = await bucket.get('model.ctr');
    return bucket.update('model.ctr', claim('thief'), entry!.revision).then(
      () => true,
      () => false,
    );
  });
  await until(5_000, 'the loss', () => reasons.length === 1);
  t.match(reasons, [/taken by thief/]);
  t.notOk(held.held);
});

await onEachServer(t, 'lease - an entry of its own is taken over at once', async (t, { binary }) => {
  const { channel, connect } = await fixture(t, { binary });
  const other = await connect();
  const lost = await acquireLease(channel, lease('one', 60_000), clock);
  await t.rejects(acquireLease(channel, lease('one', 60_000), clock), { kind: 'conflict', message: /one/ });
  const again = await reacquireLease(channel, lease('one', 60_000), clock);
  t.ok(again.token > lost.token, 'the token grows');
  await t.rejects(reacquireLease(other, lease('two', 60_000), clock), { kind: 'conflict', message: /one/ });
  await lost.release();
  await t.rejects(
    acquireLease(other, lease('two', 60_000), clock),
    { kind: 'conflict', message: /one/ },
    'the older one frees nothing',
  );
  await again.release();
  const next = await reacquireLease(other, lease('two', 60_000), clock);
  t.ok(next.held, 'nobody held it');
  await next.release();
});

await onEachServer(t, 'lease - the time to live follows the setting', async (t, { binary }) => {
  const { channel } = await fixture(t, { binary });
  await (await acquireLease(channel, lease('one', 60_000), clock)).release();
  await acquireLease(channel, lease('two', 300), clock);
  const bucket = await channel.openBucket('leases', { ttlMs: 300 });
  await until(5_000, 'the entry to run out', async () => (await bucket.get('model.ctr')) === undefined);
  t.pass('ran out');
});
