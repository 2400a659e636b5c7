/**
 * Teaches a new model which of two doors has the prize, one event at a time, and asks it after each.
 * Needs a running server: `millrace serve`. Run: NATS_URL=nats://127.0.0.1:4222 node examples/learn-and-predict.js
 */
import { connect } from '../src/index.ts';

const model = `doors-${Date.now()}`;
const millrace = await connect();
await millrace.addModel(model, {
  task: 'binary',
  features: { bits: 8 },
});

for (let round = 1; round <= 20; round++) {
  const door = round % 2 === 0 ? 'left' : 'right';
  const receipt = await millrace.learn(model, { features: { door }, label: door === 'left' });
  // The receipt makes the prediction wait until the event is in it.
  const { score, seq, ageMs } = await millrace.predict(model, { door: 'left' }, { minSeq: receipt.seq });
  console.log(
    `round ${round}: P(prize | left) = ${score.toFixed(3)}  (seq ${seq}, ${ageMs.toFixed(0)} ms old)`,
  );
}

await millrace.removeModel(model, { purge: true });
await millrace.close();
