/** Where a command reads and writes: results on standard output, everything else on standard error. */
import { visibleText } from '../base/plain-text.ts';
import { textFor } from './styles.ts';

const homeAndErase = '\u001b[H\u001b[J';

export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Whether a person types the input. */
  readonly stdinIsTerminal: boolean;
  /** Whether a person sees standard error. */
  readonly stderrIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  /** Width of standard output; undefined where it has none. */
  readonly columns: number | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** One line, or a text of several. */
  print(text: string): void;
  note(text: string): void;
  /** Empties the screen of standard output, for a text that shall stand where the last one stood. */
  clear(): void;
}

export function processTerminal(): Terminal {
  return {
    stdin: process.stdin,
    stdinIsTerminal: process.stdin.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    stdoutIsTerminal: process.stdout.isTTY === true,
    columns: process.stdout.isTTY === true ? process.stdout.columns : undefined,
    environment: process.env,
    print: (text) => void process.stdout.write(`${textFor(process.stdout, text)}\n`),
    note: (text) => void process.stderr.write(`${textFor(process.stderr, text)}\n`),
    clear: () => void process.stdout.write(homeAndErase),
  };
}

/** One JSON document on one line, as scripts read it; what a terminal would obey is escaped, which JSON has a way for. */
export const printJson = (terminal: Terminal, value: unknown): void =>
  terminal.print(visibleText(JSON.stringify(value)));
