#!/usr/bin/env node
/** The entry point of `millrace`. */
import { run } from './cli/run.ts';
import { processTerminal } from './cli/terminal.ts';

// A reader that closes early (`millrace status | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await run(process.argv.slice(2), processTerminal());
// Whoever still writes to us shall not keep us alive.
process.stdin.destroy();
