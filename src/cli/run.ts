/** One command line, from its arguments to its exit code. */
import { exitCodeOf, exitCodes, failureText } from './failure.ts';
import { programOf } from './program.ts';
import type { Terminal } from './terminal.ts';

export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await programOf(terminal).parseAsync([...args], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    const text = failureText(error, terminal.environment.MILLRACE_DEBUG === '1');
    if (text !== undefined) terminal.note(text);
    return exitCodeOf(error);
  }
}
