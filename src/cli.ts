#!/usr/bin/env node
/** The entry point of `millrace`. */
import { redactedUrlIn } from './base/redacted-url.ts';
import { run } from './cli/run.ts';
import { processTerminal } from './cli/terminal.ts';

// Every user of the machine sees the command line of a process; a URL in it may hold a password.
const shown = process.argv.slice(2).map(redactedUrlIn);
if (shown.some((argument, at) => argument !== process.argv[at + 2])) {
  process.title = ['millrace', ...shown].join(' ');
}
// A reader that closes early (`millrace status | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await run(process.argv.slice(2), processTerminal());
// Whoever still writes to us shall not keep us alive.
process.stdin.destroy();
