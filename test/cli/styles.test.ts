/** Colours reach people, and nobody else. */
import fc from 'fast-check';
import t from 'tap';
import { styles, textFor } from '../../src/cli/styles.ts';
import { printJson, type Terminal } from '../../src/cli/terminal.ts';
import { pairsText, tableText } from '../../src/cli/words.ts';
import { asProcess } from './command-line.ts';

const styled = `${styles.red('error:')} ${styles.bold('what')} is wrong`;
const plain = 'error: what is wrong';
const colourful = { isTTY: true, hasColors: () => true };
const monochrome = { isTTY: true, hasColors: () => false };

t.test('styles - are kept for a terminal that shows them', async (t) => {
  t.equal(textFor(colourful, styled, undefined), styled);
  t.equal(textFor({}, styled, '1'), styled, 'or when they are asked for');
});

t.test('styles - are taken out everywhere else', async (t) => {
  t.equal(textFor({}, styled, undefined), plain, 'a pipe');
  t.equal(textFor(monochrome, styled, undefined), plain, 'NO_COLOR, or a terminal without colours');
  for (const forced of ['', '0']) t.equal(textFor({}, styled, forced), plain);
});

t.test('styles - a build log is no terminal', async (t) => {
  const { code, stderr } = await asProcess(['config', 'check', 'nowhere.json'], {
    environment: { CI: 'true' },
  });
  t.equal(code, 2);
  t.match(stderr, /^error: /);
});

t.test('text - what a terminal would obey is shown instead', async (t) => {
  const cases: [string, string][] = [
    ['\u001b[2J\u001b[Hgone', '\\u001b[2J\\u001b[Hgone'],
    ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
    ['\u001b]52;c;ZXZpbA==\u0007', '\\u001b]52;c;ZXZpbA==\\u0007'],
    ['\u009b31mred', '\\u009b31mred'],
    ['\u001b[8mhidden', '\\u001b[8mhidden'],
    ['over\rwritten', 'over\\u000dwritten'],
    ['a\u202egnp.exe', 'a\\u202egnp.exe'],
    ['back\u0008', 'back\\u0008'],
    ['two\nlines\tand a tab, ünïcode 漢字 🙂', 'two\nlines\tand a tab, ünïcode 漢字 🙂'],
  ];
  for (const stream of [colourful, monochrome, {}]) {
    for (const [text, shown] of cases) t.equal(textFor(stream, text, undefined), shown);
  }
});

t.test('text - nothing that a terminal obeys gets through, whatever it is made of', async () => {
  const parts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom('\u001b', '[', ']', 'm', '31', '1', ';', '\u009b', '\u0007', '\u001b[1m', '\u202e'),
  );
  const text = fc.array(parts, { maxLength: 20 }).map((list) => list.join(''));
  const controls = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;
  fc.assert(
    fc.property(text, (value) => {
      const [first, ...others] = textFor(colourful, value, undefined).split('\u001b');
      const own = others.map((part) => part.replace(/^\[(?:1|2|22|31|32|33|36|39)m/, ''));
      const isStyle = others.every((part, at) => part !== own[at]);
      const isInert = ![first!, ...own, textFor({}, value, undefined)].some((part) => controls.test(part));
      return isStyle && isInert;
    }),
    { numRuns: 2_000 },
  );
});

t.test('text - JSON keeps its meaning when it is made harmless', async (t) => {
  const written: string[] = [];
  const terminal = { print: (text: string) => written.push(text) } as unknown as Terminal;
  const value = { 'a\u009b': 'b\u001b[2J\u202e\u007f\n' };
  printJson(terminal, value);
  t.same(JSON.parse(written[0]!), value);
  t.match(written[0], /^[\x20-\x7e]+$/);
});

t.test('tables - a value cannot begin a line of its own', async (t) => {
  const text = pairsText([['reason', 'first\nversion  99\r\nlast']]);
  t.equal(text.split('\n').length, 1);
  t.equal(tableText(['a'], [['x\ny']]).split('\n').length, 2);
});
