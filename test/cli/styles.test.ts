/** Colours reach people, and nobody else. */
import t from 'tap';
import { styles, textFor } from '../../src/cli/styles.ts';
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
  t.equal(textFor({}, '\u001b[H\u001b[J\u001b[1mx\u001b[22m', undefined), '\u001b[H\u001b[Jx', 'only styles');
});

t.test('styles - a build log is no terminal', async (t) => {
  const { code, stderr } = await asProcess(['config', 'check', 'nowhere.json'], {
    environment: { CI: 'true' },
  });
  t.equal(code, 2);
  t.match(stderr, /^error: /);
});
