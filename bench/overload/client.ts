/** One client of the `overload` benchmark, a process of its own. Its parent says what to offer; a rate of 0 ends it. */
import { connectChannel } from '../../src/nats/connection.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { clickEvents } from '../events.ts';
import { type Offer, offered, requestBodies } from './offered.ts';

const [url, model, seed, perRequest] = process.argv.slice(2) as [string, string, string, string];
const channel = await connectChannel({ servers: [url], name: 'offered' });
const subject = subjectsOf('millrace').predict(model);
const bodies = requestBodies(clickEvents(1_000, Number(seed)), Number(perRequest));

process.on('message', async (message) => {
  const offer = message as Offer;
  if (offer.rate > 0) {
    process.send!(await offered(channel, subject, bodies, offer));
    return;
  }
  await channel.close();
  process.disconnect();
});
process.send!('ready');
