/**
 * One full version in one file, to be carried elsewhere: a tar (POSIX ustar) of the version's parts under the names
 * that they have in a folder of versions, the manifest last. Nothing else is read: every entry is a plain file of
 * such a name and a bounded size that lies inside the file, and their number is bounded.
 *
 *   header 512 | part | pad to 512 |  ...  | header 512 | manifest.json | pad to 512 | 1024 zero bytes
 */
import { MillraceError } from '../base/errors.ts';
import type { Disk, WritableFile } from './disk.ts';
import { blobsMax, manifestBytesMax, manifestFile, partBytesMax, shardsMax, versionName } from './format.ts';
import type { PartReader, PartWriter, StoredPart } from './model-storage.ts';
import type { ByteSink, ByteSource } from './shard-file.ts';

const blockBytes = 512;
const endBytes = 2 * blockBytes;
const entriesMax = shardsMax + blobsMax + 1;
const namePattern = /^([A-Za-z0-9_-]{1,64})\/(?!0{10})(\d{10})\/((?:shard|blob)-\d{3}\.bin|manifest\.json)$/;

/** Where each field of an entry's header lies: offset and length. */
const field = {
  name: [0, 100],
  mode: [100, 8],
  size: [124, 12],
  time: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const;

const padding = (bytes: number): number => (blockBytes - (bytes % blockBytes)) % blockBytes;

/** Sum of the header's bytes, those of the checksum itself taken as spaces. */
function checksumOf(header: Uint8Array): number {
  const [from, length] = field.checksum;
  return header.reduce((sum, byte, at) => sum + (at >= from && at < from + length ? 0x20 : byte), 0);
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');

function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  const put = ([at]: readonly [number, number], text: string) => header.write(text, at, 'latin1');
  put(field.name, name);
  put(field.mode, '0000644');
  put(field.size, octal(size, 11));
  put(field.time, octal(0, 11));
  put(field.type, '0');
  put(field.magic, 'ustar\u000000');
  put(field.checksum, `${octal(checksumOf(header), 6)}\u0000 `);
  return header;
}

/** Takes the parts of one version, in order; `end` makes the file whole. */
export class ContainerWriter implements PartWriter {
  readonly model: string;
  readonly partBytesMax = partBytesMax;
  readonly #file: WritableFile;

  constructor(model: string, file: WritableFile) {
    this.model = model;
    this.#file = file;
  }

  async writePart<Result>(version: number, part: string, write: (sink: ByteSink) => Promise<Result>) {
    const chunks: Uint8Array[] = [];
    const result = await write(async (bytes) => {
      chunks.push(bytes);
    });
    const size = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    await this.#file.write(headerOf(`${this.model}/${versionName(version)}/${part}`, size));
    for (const chunk of chunks) await this.#file.write(chunk);
    await this.#file.write(new Uint8Array(padding(size)));
    return result;
  }

  async end(): Promise<void> {
    await this.#file.write(new Uint8Array(endBytes));
    await this.#file.sync();
  }

  /** Whoever made the file removes it. */
  async removeVersion(): Promise<void> {}

  openPart = async (): Promise<undefined> => undefined;

  failure(_doing: string, thrown: unknown): Error {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}

interface Entry {
  readonly at: number;
  readonly size: number;
}

/** The one version in a file; its parts are checked as those of any version are. */
export class ContainerReader implements PartReader {
  readonly model: string;
  readonly version: number;
  readonly #source: ByteSource;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(
    source: ByteSource,
    found: { model: string; version: number; entries: Map<string, Entry> },
  ) {
    this.#source = source;
    this.model = found.model;
    this.version = found.version;
    this.#entries = found.entries;
  }

  /** Reads headers only. Throws MillraceError('badInput') for what is no container. */
  static async open(source: ByteSource): Promise<ContainerReader> {
    const entries = new Map<string, Entry>();
    let owner: readonly [model: string, version: number] | undefined;
    let at = 0;
    for (;;) {
      const header = await blockAt(source, at);
      if (header.every((byte) => byte === 0)) break;
      if (entries.size >= entriesMax) throw refused(`more than ${entriesMax} entries`);
      const { model, version, part, size } = entryOf(header, at);
      owner ??= [model, version];
      if (model !== owner[0] || version !== owner[1]) throw refused('parts of more than one version');
      if (entries.has(part)) throw refused(`${part} is there twice`);
      at += blockBytes;
      entries.set(part, { at, size });
      at += size + padding(size);
    }
    if (at + endBytes !== source.size) throw refused('it does not end where its entries end');
    const last = await blockAt(source, at + blockBytes);
    if (last.some((byte) => byte !== 0)) throw refused('its end is damaged');
    if (owner === undefined || !entries.has(manifestFile)) throw refused('it has no manifest');
    return new ContainerReader(source, { model: owner[0], version: owner[1], entries });
  }

  async openPart(version: number, part: string): Promise<StoredPart | undefined> {
    const entry = version === this.version ? this.#entries.get(part) : undefined;
    if (entry === undefined) return undefined;
    return {
      size: entry.size,
      read: (target, position) => {
        const rest = Math.max(0, Math.min(target.byteLength, entry.size - position));
        return this.#source.read(target.subarray(0, rest), entry.at + position);
      },
      close: async () => undefined,
    };
  }

  failure(_doing: string, thrown: unknown): Error {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}

const refused = (reason: string): MillraceError =>
  new MillraceError(
    'badInput',
    `this is not a version as \`millrace checkpoints export\` writes it: ${reason}; export it again`,
  );

async function blockAt(source: ByteSource, at: number): Promise<Buffer> {
  const block = Buffer.alloc(blockBytes);
  if (at + blockBytes > source.size || (await source.read(block, at)) !== blockBytes)
    throw refused('it was cut off');
  return block;
}

function entryOf(header: Buffer, at: number) {
  const text = ([from, length]: readonly [number, number]) =>
    header.toString('latin1', from, from + length).replace(/[\0 ]+$/, '');
  const [, model, version, part] = namePattern.exec(text(field.name)) ?? [];
  if (part === undefined) throw refused(`byte ${at} begins no entry of a version`);
  const written = text(field.checksum);
  if (!/^[0-7]{1,7}$/.test(written) || Number.parseInt(written, 8) !== checksumOf(header))
    throw refused(`the header of ${part} is damaged`);
  if (text(field.type) !== '0') throw refused(`${part} is not a plain file`);
  const sizeText = text(field.size);
  const size = /^[0-7]{11}$/.test(sizeText) ? Number.parseInt(sizeText, 8) : Number.NaN;
  const sizeMax = part === manifestFile ? manifestBytesMax : partBytesMax;
  if (!(size <= sizeMax)) throw refused(`${part} has more than the ${sizeMax} bytes that are read`);
  return { model: model!, version: Number(version), part, size };
}

/** Opens a container on a disk, has it read, and closes it. */
export async function withContainer<Result>(
  disk: Disk,
  path: string,
  act: (reader: ContainerReader) => Promise<Result>,
): Promise<Result> {
  const file = await disk.openForReading(path);
  try {
    return await act(await ContainerReader.open(file));
  } finally {
    await file.close();
  }
}
