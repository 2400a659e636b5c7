/** What `millrace/edge` loads: files of ours alone, so that a browser can load them too, and not many bytes. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import ts from 'typescript';
import { importsOf } from '../tidy/imports.ts';

const dist = fileURLToPath(new URL('../..', import.meta.url));
const bytesMax = 112 * 1024;

/** Built files by path, with everything that they import. */
function closureOf(entry: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    const text = readFileSync(path, 'utf8');
    files.set(path, text);
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
    for (const { specifier } of importsOf(source)) {
      if (!specifier.startsWith('.')) throw new Error(`${path} imports ${specifier}`);
      visit(join(dirname(path), specifier));
    }
  };
  visit(entry);
  return files;
}

t.test('millrace/edge - loads no package and nothing of Node', async (t) => {
  const files = closureOf(join(dist, 'edge/index.js'));
  for (const [path, text] of files) {
    const found = /\b(process|Buffer|require|__dirname|setImmediate)\b(?=[.(])/.exec(text);
    t.equal(found, null, `${relative(dist, path)} names nothing that only Node has`);
  }
  const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const packed = gzipSync([...files.values()].join('')).length;
  t.comment(`${files.size} files, ${bytes} bytes with comments, ${packed} when compressed`);
  t.ok(bytes <= bytesMax, `${bytes} bytes are at most ${bytesMax}`);
});
