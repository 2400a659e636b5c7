/** The floor of a prediction: a thread that answers a request with a reply of the size of a prediction, and does nothing else. */
import { parentPort, workerData } from 'node:worker_threads';
import { connectChannel } from '../src/nats/connection.ts';

export const echoSubject = 'bench.echo';

if (parentPort !== null) {
  const channel = await connectChannel({ servers: [String(workerData)], name: 'echo' });
  await channel.serve({
    name: 'echo',
    version: '1.0.0',
    description: 'Answers with what it got',
    endpoints: [
      {
        name: 'echo',
        subject: echoSubject,
        queue: 'echo',
        handle(message, done) {
          message.respond(message.data);
          done();
        },
      },
    ],
  });
  await channel.flush();
  parentPort.postMessage('ready');
}
