/**
 * A version's rows as if it were full: the rows of the full one below, each link's laid over them, and what became
 * all zero left out. Piece by piece in the order of the keys, so that it takes the memory of one piece for each link.
 */
import { DamagedVersionError } from './errors.ts';
import { shardLayout } from './format.ts';
import { assertWritable } from './shard-file.ts';
import type { CheckpointStore, Manifest, ShardImage } from './store.ts';
import { brokenLink } from './version-chain.ts';

/** Throws DamagedVersionError of the version that was asked for, naming the link and the file. */
export async function* fullImages(store: CheckpointStore, top: Manifest): AsyncGenerator<ShardImage> {
  const [full, ...over] = await store.readChain(top);
  const layers = over.map((link) => new Layer(store, top, link));
  const bottom = new Layer(store, top, full!);
  for (let shard = 0; shard < full!.shards.length; shard++) {
    let image = await bottom.shard(shard);
    for (const layer of layers) {
      for await (const part of layer.within(image.start, image.end)) image = laidOver(image, part);
    }
    yield layers.length === 0 ? image : withoutZeros(image);
  }
}

/** One version of a chain; remembers the shard that it read last, because its ranges may be others than the full one's. */
class Layer {
  readonly #store: CheckpointStore;
  readonly #top: Manifest;
  readonly #manifest: Manifest;
  #last: { readonly index: number; readonly image: ShardImage } | undefined;

  constructor(store: CheckpointStore, top: Manifest, manifest: Manifest) {
    this.#store = store;
    this.#top = top;
    this.#manifest = manifest;
  }

  async shard(index: number): Promise<ShardImage> {
    if (this.#last?.index === index) return this.#last.image;
    try {
      const image = await this.#store.readShard(this.#manifest, index);
      this.#last = { index, image };
      return image;
    } catch (error) {
      throw error instanceof DamagedVersionError
        ? brokenLink(this.#top, this.#manifest.version, error)
        : error;
    }
  }

  async *within(start: number, end: number): AsyncGenerator<ShardImage> {
    for (const [index, entry] of this.#manifest.shards.entries()) {
      if (entry.rows > 0 && entry.start < end && entry.end > start)
        yield cutTo(await this.shard(index), start, end);
    }
  }
}

/** The rows of a range of keys; views, not copies. */
export function cutTo(image: ShardImage, start: number, end: number): ShardImage {
  const { keys, rows, rowWidth } = image;
  const [from, to] = [firstAtLeast(keys, start), firstAtLeast(keys, end)];
  return {
    start: Math.max(start, image.start),
    end: Math.min(end, image.end),
    rowWidth,
    keys: keys.subarray(from, to),
    rows: rows.subarray(from * rowWidth, to * rowWidth),
  };
}

function firstAtLeast(keys: Uint32Array, key: number): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows of both; where both have a key, those of `over`. The range is that of `under`. */
function laidOver(under: ShardImage, over: ShardImage): ShardImage {
  const { start, end, rowWidth } = under;
  const keys = new Uint32Array(under.keys.length + over.keys.length);
  const rows = new Float32Array(keys.length * rowWidth);
  // As words: a float that is read as a number may lose the bits of a NaN.
  const [words, underWords, overWords] = [wordsOf(rows), wordsOf(under.rows), wordsOf(over.rows)];
  let count = 0;
  let [u, o] = [0, 0];
  while (u < under.keys.length || o < over.keys.length) {
    const underKey = under.keys[u] ?? Number.POSITIVE_INFINITY;
    const overKey = over.keys[o] ?? Number.POSITIVE_INFINITY;
    const [from, at] = overKey <= underKey ? [overWords, o] : [underWords, u];
    keys[count] = Math.min(underKey, overKey);
    for (let slot = 0; slot < rowWidth; slot++) words[count * rowWidth + slot] = from[at * rowWidth + slot]!;
    count++;
    if (underKey <= overKey) u++;
    if (overKey <= underKey) o++;
  }
  return { start, end, rowWidth, keys: keys.subarray(0, count), rows: rows.subarray(0, count * rowWidth) };
}

const wordsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, length);

/** In a full version a row that is not there is zero, and each image has one encoding. */
function withoutZeros(image: ShardImage): ShardImage {
  const { rowWidth } = image;
  const words = wordsOf(image.rows);
  const kept = Array.from(image.keys.keys()).filter((at) => {
    for (let slot = 0; slot < rowWidth; slot++) if (words[at * rowWidth + slot] !== 0) return true;
    return false;
  });
  if (kept.length === image.keys.length) return image;
  const keys = Uint32Array.from(kept, (at) => image.keys[at]!);
  const rows = new Float32Array(kept.length * rowWidth);
  kept.forEach((at, to) => {
    rows.set(image.rows.subarray(at * rowWidth, (at + 1) * rowWidth), to * rowWidth);
  });
  return { ...image, keys, rows };
}

/** Pieces of at most so many bytes of file, in the order of the keys, that tile the image's range. */
export function* piecesOf(image: ShardImage, bytesMax: number): Generator<ShardImage> {
  const rowsMax = Math.max(
    1,
    Math.floor((bytesMax - shardLayout(1, 1).fileBytes) / (4 + 4 * image.rowWidth)),
  );
  if (image.keys.length <= rowsMax) return yield image;
  // Only keys that ascend can be cut.
  assertWritable(image);
  let { start } = image;
  for (let from = 0; from + rowsMax < image.keys.length; from += rowsMax) {
    const end = image.keys[from + rowsMax]!;
    yield { ...cutTo(image, start, end), start, end };
    start = end;
  }
  yield { ...cutTo(image, start, image.end), start, end: image.end };
}
