/** A short run of the fault harness (docs/chaos.md): processes and threads are killed, and nothing is lost. */
import t from 'tap';
import { runChaos } from '../chaos/run.ts';
import { availableServers } from '../support/nats-server.ts';

t.setTimeout(170_000);
const skip = availableServers().length === 0 && 'no nats-server on this machine';

t.test(
  'chaos - faults on purpose lose nothing, count nothing twice, and leave no trace',
  { skip },
  async (t) => {
    // A process killed between two stages, a full disk, a shard that dies while it is frozen.
    const said: string[] = [];
    const result = await runChaos({
      seed: 30,
      faults: 3,
      scenes: ['adagrad'],
      say: (line) => said.push(line),
    });
    t.match(
      result,
      { faults: 3, lost: 0, duplicated: 0, identical: true, predictionsFailedServing: 0 },
      said.join('\n'),
    );
    t.equal(result.acked, result.published, 'every event was acked in the end');
    t.ok(result.learned > 0 && result.predictions > 0);
  },
);
