/**
 * Streams 20,000 events, makes a version, learns nonsense, and goes back to the version.
 * Needs a running server: `millrace serve`. Run: NATS_URL=nats://127.0.0.1:4222 node examples/stream-and-rollback.js
 */
import { connect, type LearnEvent } from '../src/index.ts';

const model = `sums-${Date.now()}`;
const millrace = await connect();
await millrace.addModel(model, {
  task: 'regression',
  optimizer: { name: 'adagrad', learningRate: 0.5 },
  features: { bits: 8 },
});

/** y = 2a - 3b + 1, or noise. */
function* events(count: number, nonsense: boolean): Generator<LearnEvent> {
  for (let index = 0; index < count; index++) {
    const a = Math.sin(index);
    const b = Math.cos(index * 0.7);
    yield { features: { a, b }, label: nonsense ? 10 * Math.sin(index * 1.3) + 5 : 2 * a - 3 * b + 1 };
  }
}

/** The prediction for a = 1, b = 1, which should be 0, once everything up to `seq` is learned. */
async function ask(minSeq?: number): Promise<string> {
  const options = { timeoutMs: 30_000, ...(minSeq === undefined ? {} : { minSeq }) };
  const { prediction, version } = await millrace.predict(model, { a: 1, b: 1 }, options);
  return `${prediction.toFixed(3)} (descends from version ${version})`;
}

const good = await millrace.learnStream(model, events(20_000, false));
console.log(`after ${good.events} events in ${good.messages} messages: ${await ask(good.seq)}`);

const { version } = await millrace.checkpoint(model);
const bad = await millrace.learnStream(model, events(5_000, true));
console.log(`after nonsense: ${await ask(bad.seq)}`);

await millrace.rollback(model, version);
console.log(`back at version ${version}: ${await ask()}`);

await millrace.removeModel(model, { purge: true });
await millrace.close();
