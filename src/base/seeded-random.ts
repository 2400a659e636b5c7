/**
 * Random numbers that follow from a text: the same text, the same numbers. The generator is sfc32 of PractRand (Doty-
 * Humphrey), seeded by four hashes of the text. For experiments, not for secrets.
 */
import { finalize, hashStart, hashText } from './hash.ts';

/** Uniform, from 0 up to 1. */
export type Random = () => number;

/** Numbers drawn and thrown away, until every bit of the seed has reached every bit of the state. */
const warmUp = 15;

export function seededRandom(seed: string): Random {
  const word = (salt: number) => finalize(hashText(finalize(hashStart ^ salt), seed)) | 0;
  let [a, b, c, counter] = [word(1), word(2), word(3), word(4)];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < warmUp; i++) next();
  // 53 bits, as Math.random has.
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}
