import t from 'tap';
import { confirmed } from '../../src/cli/confirm.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

function person(answer: string | undefined, isThere = true): { terminal: Terminal; notes: string[] } {
  const notes: string[] = [];
  const terminal: Terminal = {
    stdin: (async function* () {
      if (answer !== undefined) yield Buffer.from(answer);
    })(),
    stdinIsTerminal: isThere,
    stderrIsTerminal: isThere,
    stdoutIsTerminal: false,
    columns: undefined,
    environment: {},
    print: () => undefined,
    note: (text) => notes.push(text),
    clear: () => undefined,
  };
  return { terminal, notes };
}

t.test('confirm - only a yes is one', async (t) => {
  for (const [answer, expected] of [
    ['y\n', true],
    ['YES\r\n', true],
    ['n\n', false],
    ['\n', false],
    ['yesterday\n', false],
    [undefined, false],
  ] as const) {
    const { terminal, notes } = person(answer);
    t.equal(await confirmed(terminal, 'Remove it?', false), expected, JSON.stringify(answer));
    t.same(notes, ['Remove it? [y/N]']);
  }
});

t.test('confirm - nobody is asked who has said --yes, or is not there', async (t) => {
  const { terminal, notes } = person('n\n', false);
  t.equal(await confirmed(terminal, 'Remove it?', true), true);
  await t.rejects(confirmed(terminal, 'Remove it?', false), { name: 'SetupError', message: /say --yes/ });
  t.same(notes, []);
});
