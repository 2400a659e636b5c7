/** A process that starts two actors, kills one, stops them, and has then nothing left to keep it alive. */
import { createLogger } from '../../../src/runtime/log.ts';
import { createSupervisor } from '../../../src/runtime/supervisor.ts';
import { connectTo, puppetSpec, quickSettings } from '../harness.ts';

const supervisor = createSupervisor({
  settings: quickSettings,
  connect: connectTo(process.argv[2]!),
  logLevel: 'silent',
  log: createLogger('silent'),
});
await supervisor.startAll([puppetSpec('one'), puppetSpec('two')]);
const again = new Promise<void>((resolve) =>
  supervisor.onChange(({ name, state }) => {
    if (name === 'one' && state === 'running') resolve();
  }),
);
supervisor.terminate('one');
await again;
await supervisor.stop();
process.stdout.write('stopped\n');
