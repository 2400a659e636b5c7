/**
 * Writes the table of roles into SECURITY.md between `<!-- roles:begin -->` and `<!-- roles:end -->`, from the
 * permissions themselves. Needs a build (`npm run build`). test/auth/roles.test.ts tries every cell on real servers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { roleTable, tableLines } from '../dist/src/auth/table.js';

const file = 'SECURITY.md';
const marks = /(<!-- roles:begin -->\n).*(<!-- roles:end -->)/s;

const before = readFileSync(file, 'utf8');
if (!marks.test(before)) throw new Error(`${file}: expected the marks of the table of roles`);
const table = tableLines(roleTable('millrace', 'clicks', 'fraud')).join('\n');
writeFileSync(
  file,
  before.replace(marks, (_all, begin, end) => `${begin}${table}\n${end}`),
);
console.log(`${file}: the table of roles is written`);
