/** A question before something that cannot be undone: answered by a person, or beforehand by an option. */
import { UsageError } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Where nobody can be asked, `--yes` must have been given. */
export async function confirmed(terminal: Terminal, question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!terminal.stdinIsTerminal || !terminal.stderrIsTerminal)
    throw new UsageError(`${question} Nobody can be asked here: say --yes`);
  terminal.note(`${question} [y/N]`);
  for await (const chunk of terminal.stdin) {
    return /^y(?:es)?$/i.test(Buffer.from(chunk).toString().trim());
  }
  return false;
}
