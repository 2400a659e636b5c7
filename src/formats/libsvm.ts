/**
 * LIBSVM's text: `label index:value index:value ... # comment`, one event per line. An index is the feature's
 * name; a `qid:N` is no feature. Comes out as events on the wire.
 */
import { numberOf } from './cell.ts';
import { readLines } from './jsonl.ts';
import { type FileRecord, problemOf, type Row, recordBytesMax, recordOf } from './row.ts';

export async function* readLibsvm(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Row<FileRecord>> {
  for await (const line of readLines(chunks, recordBytesMax)) {
    if (line.kind === 'problem') yield line;
    else {
      const text = withoutComment(line.value).trim();
      if (text !== '') yield parsed(line.line, text);
    }
  }
}

const withoutComment = (text: string): string => {
  const end = text.indexOf('#');
  return end < 0 ? text : text.slice(0, end);
};

function parsed(line: number, text: string): Row<FileRecord> {
  const [first, ...pairs] = text.split(/\s+/);
  const label = numberOf(first!);
  if (label === undefined)
    return problemOf(line, `expected a label that is a number, got ${JSON.stringify(first)}`);
  const features: Record<string, number> = {};
  for (const pair of pairs) {
    const at = pair.indexOf(':');
    const name = pair.slice(0, at);
    if (name === 'qid') continue;
    const value = at > 0 ? numberOf(pair.slice(at + 1)) : undefined;
    if (value === undefined || !/^\d+$/.test(name))
      return problemOf(line, `expected index:value, got ${JSON.stringify(pair)}`);
    if (name in features) return problemOf(line, `index ${name} stands twice`);
    features[name] = value;
  }
  return recordOf(line, { features, label });
}
