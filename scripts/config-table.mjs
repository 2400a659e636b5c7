/**
 * Writes the table of settings into README.md between `<!-- config:begin -->` and `<!-- config:end -->`, from
 * the schema itself. With --check nothing is written: it fails when the table is not what the schema says.
 *
 *     node scripts/config-table.mjs [--check] [FILE]
 *
 * Needs a build (`npm run build`): it reads dist/config/describe.js.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { settingRows } from '../dist/config/describe.js';

const beginMark = '<!-- config:begin -->';
const endMark = '<!-- config:end -->';

const words = process.argv.slice(2);
const isCheck = words.includes('--check');
const file = words.find((word) => !word.startsWith('--')) ?? 'README.md';

const before = readFileSync(file, 'utf8');
const begin = before.indexOf(beginMark);
const end = before.indexOf(endMark);
if (begin < 0 || end < begin)
  stop(`${file}: expected ${beginMark} and then ${endMark}, each on a line of its own`);

const after = `${before.slice(0, begin)}${beginMark}\n${table()}\n${before.slice(end)}`;
if (after === before) console.log(`${file}: the table of settings is up to date`);
else if (isCheck) stop(`${file}: the table of settings is not what config/schema.ts says; run: npm run docs`);
else {
  writeFileSync(file, after);
  console.log(`${file}: the table of settings is written`);
}

function table() {
  const rows = settingRows().map(({ path, variant, expected, default: byDefault, doc }) => {
    const name = variant === undefined ? `\`${path}\`` : `\`${path}\` (${variant})`;
    return [name, cell(expected), byDefault === undefined ? '' : `\`${byDefault}\``, cell(doc)];
  });
  const head = [
    ['setting', 'type and bounds', 'default', 'meaning'],
    ['---', '---', '---', '---'],
  ];
  return [...head, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
