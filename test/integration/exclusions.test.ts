/** Events that are passed over from some moment on: the parameters are those of a log that never had them. */
import t from 'tap';
import { differences, PlainLoop } from '../support/plain-loop.ts';
import { startSystem, systemMissing, temporaryFolder } from '../support/system.ts';

t.setTimeout(240_000);
const skip = systemMissing();
const eventOf = (n: number) => ({
  id: `e${n}`,
  features: { who: `w${n % 7}`, x: n % 5, kind: `k${n % 3}` },
  label: n % 3 === 0 ? 1 : 0,
});

t.test(
  'an exclusion - goes on with the parameters in memory, and outlives a restart',
  { skip },
  async (t) => {
    const model = { features: { bits: 10 }, checkpoint: { atStop: false }, actors: { shards: 2 } };
    const system = await startSystem(t, { models: { m: model }, dataDir: await temporaryFolder(t) });
    const plain = new PlainLoop(system.modelConfig('m'));
    const publish = async (from: number, to: number, key?: string): Promise<number> => {
      let last = 0;
      for (let n = from; n < to; n++) {
        const event = eventOf(n);
        last = (await system.client.learn('m', event, key === undefined ? {} : { key })).seq;
      }
      return last;
    };
    const first = await publish(0, 40);
    await system.caughtUp('m', first);
    await system.client.pause('m');
    for (let n = 0; n < 40; n++) plain.learn(eventOf(n));
    // Waiting in the log when they are excluded: one by its place, one by its id, the rest is learned.
    const last = await publish(40, 80);
    const begun = await system.client.exclude('m', [
      { kind: 'position', seq: last - 39 },
      { kind: 'id', value: 'e50', untilSeq: last },
      { kind: 'id', value: 'e3', untilSeq: last },
    ]);
    await system.client.resume('m');
    for (let n = 40; n < 80; n++) if (n !== 40 && n !== 50) plain.learn(eventOf(n));
    const after = await publish(40, 41);
    plain.learn(eventOf(40));
    const status = await system.caughtUp('m', after);
    t.match(status, { excluded: 2, learned: 79, rejected: 0 });
    const state = await system.stateOf('m');
    t.strictSame(differences(state.table, plain.table), []);
    t.equal(state.excluded, 2);
    t.equal(begun.exclusions, 3);
    // The same again over the whole log, with what had been learned before it was excluded.
    await system.client.rollback('m', 0, { mode: 'relearn' });
    const relearned = await system.caughtUp('m', after);
    t.ok(relearned.epoch > begun.epoch);
    t.equal(relearned.excluded, 3, 'what the parameters had learned before is passed over now too');
    const clean = new PlainLoop(system.modelConfig('m'));
    for (let n = 0; n < 80; n++) if (n !== 3 && n !== 40 && n !== 50) clean.learn(eventOf(n));
    clean.learn(eventOf(40));
    t.strictSame(differences((await system.stateOf('m')).table, clean.table), []);
    await system.stop();
    const next = await startSystem(t, { models: { m: model }, dataDir: system.dataDir });
    t.equal((await next.client.exclude('m', [{ kind: 'position', seq: 1 }])).exclusions, 4, 'carried on');
  },
);
