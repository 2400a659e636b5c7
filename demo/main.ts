/** `npm run demo`: three million real flights, and a model that learns from each of them as it departs. */
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { messageOf } from '../src/base/errors.ts';
import { displayOn } from './display.ts';
import { Endings } from './endings.ts';
import { type DemoOptions, optionsOf, usage } from './options.ts';
import { closingWords, type DemoResult, tableOf } from './result.ts';
import { keptConfig, runDemo } from './run.ts';

const interruptedCode = 130;

async function demo(options: DemoOptions): Promise<void> {
  const endings = new Endings();
  const display = displayOn(options.json ? process.stderr : process.stdout, options.events, () =>
    performance.now(),
  );
  let interrupted = false;
  // A second interrupt ends the process in the ordinary way.
  const interrupt = () => {
    interrupted = true;
    display.stop();
    process.stderr.write('Interrupted: ending what was started.\n');
    void endings.endAll().then(() => process.exit(interruptedCode));
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let result: DemoResult;
  try {
    result = await runDemo(options, display, endings);
  } catch (error) {
    if (interrupted) return;
    throw error;
  } finally {
    display.stop();
    for (const failure of await endings.endAll()) console.error(messageOf(failure));
  }
  // The last line that is written, after everything has ended.
  if (options.json) console.log(JSON.stringify(result));
  else console.log(`${tableOf(result)}\n${closingWords(options.data && keptConfig(options.data))}`);
}

try {
  const options = optionsOf(process.argv.slice(2));
  if (options === undefined) console.log(usage);
  else await demo(options);
} catch (error) {
  console.error(messageOf(error));
  // What failed may have left something open; nothing is left to wait for.
  process.exit(1);
}
