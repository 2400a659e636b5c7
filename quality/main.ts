/**
 * `npm run quality [-- PART] [--json] [--write] [--peers]`: how well Millrace learns, beside what others have published or
 * make of the same rows. Each part is a section of docs/quality.md, which --write brings up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { peersPython } from '../bench/python.ts';
import { dataFolder } from './data.ts';
import { withSection } from './document.ts';
import type { QualityOptions, QualityPart } from './part.ts';
import { river } from './river/part.ts';
import { streams } from './streams/part.ts';
import { vw } from './vw/part.ts';

const parts: Readonly<Record<string, QualityPart>> = { streams, vw, river };
const document = 'docs/quality.md';

const partNamed = (name: string): string => {
  if (Object.hasOwn(parts, name)) return name;
  throw new InvalidArgumentError(`there are: ${Object.keys(parts).join(', ')}`);
};

interface Flags {
  readonly json?: true;
  readonly write?: true;
  readonly peers?: true;
  readonly only?: string;
}

async function runPart(name: string, flags: Flags, data: string): Promise<void> {
  const options: QualityOptions = {
    data,
    python: flags.peers === true ? peersPython : undefined,
    only: flags.only?.split(',') ?? [],
    write: flags.write === true,
    say: (sentence) => console.error(`${name}: ${sentence}`),
  };
  const { figures, markdown } = await parts[name]!(options);
  if (options.write) {
    const text = await readFile(document, 'utf8').catch(() => '');
    await writeFile(document, withSection(text, name, markdown));
  }
  console.log(flags.json === true ? JSON.stringify({ name, ...figures }) : markdown);
}

const program = new Command('quality')
  .argument('[part]', `one of: ${Object.keys(parts).join(', ')}; all when absent`, partNamed)
  .option('--json', 'print the figures as one line of JSON for each part')
  .option('--write', `bring ${document} up to date`)
  .option('--peers', 'run Vowpal Wabbit and River on the same rows (bench/peers/README.md)')
  .option('--only <names>', 'cases or sets, parted by commas')
  .action(async (name: string | undefined, flags: Flags) => {
    const data = await dataFolder();
    if (data === undefined) {
      console.error('the data is absent: MILLRACE_DATA names its folder; nothing was measured');
      return;
    }
    for (const part of name === undefined ? Object.keys(parts) : [name]) await runPart(part, flags, data);
  });
await program.parseAsync();
