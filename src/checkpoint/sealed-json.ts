/**
 * JSON that carries its own checksum and is still JSON: `{"content":...,"sha256":"..."}` and a line feed. The
 * checksum covers the bytes of the content as they stand, so any changed byte is found before anything is
 * parsed. What lies around the content has a fixed length and is compared byte for byte.
 */
import { createHash } from 'node:crypto';

const before = Buffer.from('{"content":', 'utf8');
const between = Buffer.from(',\n"sha256":"', 'utf8');
const after = Buffer.from('"}\n', 'utf8');
const hexLength = 64;
const tailLength = between.length + hexLength + after.length;

const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function seal(content: unknown): Uint8Array {
  const body = Buffer.from(JSON.stringify(content), 'utf8');
  return Buffer.concat([before, body, between, Buffer.from(sha256Hex(body), 'latin1'), after]);
}

/** The content, or why the bytes cannot be trusted. */
export type Unsealed =
  | { readonly kind: 'content'; readonly content: unknown }
  | { readonly kind: 'damaged'; readonly reason: string };

const damaged = (reason: string): Unsealed => ({ kind: 'damaged', reason });

export function unseal(sealed: Uint8Array): Unsealed {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (bytes.length < before.length + tailLength) return damaged(`only ${bytes.length} bytes long`);
  const bodyEnd = bytes.length - tailLength;
  const hexAt = bodyEnd + between.length;
  const framed =
    bytes.subarray(0, before.length).equals(before) &&
    bytes.subarray(bodyEnd, hexAt).equals(between) &&
    bytes.subarray(hexAt + hexLength).equals(after);
  if (!framed) return damaged('not {"content":...,"sha256":"..."} with its line ends; cut off or changed');
  const body = bytes.subarray(before.length, bodyEnd);
  if (bytes.toString('latin1', hexAt, hexAt + hexLength) !== sha256Hex(body)) {
    return damaged('the checksum does not match the content');
  }
  try {
    return { kind: 'content', content: JSON.parse(body.toString('utf8')) };
  } catch {
    return damaged('the content is not JSON');
  }
}

/** The checksum that sealed bytes carry; they must have been found whole. */
export const sealOf = (sealed: Uint8Array): string => {
  const hexEnd = sealed.byteLength - after.length;
  return Buffer.from(sealed.subarray(hexEnd - hexLength, hexEnd)).toString('latin1');
};
