/** The command line of the demo. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, SetupError } from '../src/base/errors.ts';
import { flightsInAll } from './flights.ts';

export interface DemoOptions {
  readonly events: number;
  /** Flights published per second; 0 for as fast as the server takes them. */
  readonly rate: number;
  readonly json: boolean;
  /** Folder that is kept; a temporary one, removed at the end, when undefined. */
  readonly data: string | undefined;
}

export const usage = `Usage: npm run demo -- [options]
  --events N   learn the first N of the three million flights (default 300000)
  --all        learn all of them
  --rate N     flights published per second, 0 for as fast as possible (default 12000)
  --data DIR   keep streams, versions and config in DIR
  --json       progress on standard error, the results as one line of JSON at the end`;

const defaults = { events: 300_000, rate: 12_000 };
/** Fewer than this give no meaningful first tenth. */
const eventsMin = 1_000;

/** Undefined when help was asked for. Throws SetupError. */
export function optionsOf(argv: readonly string[]): DemoOptions | undefined {
  const { values } = parsed(argv);
  if (values.help) return undefined;
  if (values.all && values.events !== undefined) throw new SetupError('give --events or --all, not both');
  const events = values.all ? flightsInAll : wholeNumber('events', values.events, defaults.events);
  if (events < eventsMin || events > flightsInAll) {
    throw new SetupError(`--events: expected ${eventsMin} to ${flightsInAll}, got ${events}`);
  }
  return {
    events,
    rate: wholeNumber('rate', values.rate, defaults.rate),
    json: values.json ?? false,
    data: values.data === undefined ? undefined : resolve(values.data),
  };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        events: { type: 'string' },
        all: { type: 'boolean' },
        rate: { type: 'string' },
        data: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new SetupError(`${messageOf(error)}\n${usage}`, { cause: error });
  }
}

function wholeNumber(name: string, text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault;
  const number = Number(text.replaceAll('_', ''));
  if (text === '' || !Number.isSafeInteger(number) || number < 0) {
    throw new SetupError(`--${name}: expected a whole number, got "${text}"`);
  }
  return number;
}
