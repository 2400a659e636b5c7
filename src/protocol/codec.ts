/**
 * Bytes to values and back. JSON when a message names no content type, MessagePack when it says
 * `application/msgpack`; every message can be decoded alone. The only importer of msgpackr.
 */
import { addExtension, Packr } from 'msgpackr';
import { MillraceError, messageOf } from '../base/errors.ts';

export const contentTypeHeader = 'Content-Type';
export const jsonType = 'application/json';
export const msgpackType = 'application/msgpack';

/** Plain MessagePack: no records, maps as objects, 64-bit integers as numbers, so that any client can read it. */
const packr = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number', moreTypes: false });

/**
 * What msgpackr would read besides: big integers, errors, references, sets, typed arrays, regular expressions.
 * No feature is any of these, and some of them (references may be circular) cannot be written as JSON, in which
 * refused events are kept.
 */
const foreignExtensions = [0x42, 0x62, 0x65, 0x69, 0x70, 0x73, 0x74, 0x78];
for (const type of foreignExtensions) {
  addExtension({
    type,
    unpack() {
      throw new MillraceError('badInput', `extension type ${type} is not plain MessagePack`);
    },
  });
}

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { fatal: true });

export type WireFormat = 'json' | 'msgpack';

/** Throws MillraceError('badInput') for what has no such form: nested deeper than the stack is, or circular. */
export function encode(value: unknown, format: WireFormat): Uint8Array {
  try {
    return format === 'msgpack' ? packr.pack(value) : textEncoder.encode(JSON.stringify(value));
  } catch (error) {
    throw new MillraceError('badInput', `the message cannot be written as ${format}: ${whyNot(error)}`, {
      cause: error,
    });
  }
}

/** Which format a content type names; an unknown one is refused by name. */
export function formatOf(contentType: string | undefined): WireFormat {
  if (contentType === undefined || contentType === '') return 'json';
  const type = contentType.split(';')[0]!.trim().toLowerCase();
  if (type === jsonType) return 'json';
  if (type === msgpackType) return 'msgpack';
  throw new MillraceError(
    'badInput',
    `Content-Type ${type} is not known; expected ${jsonType} or ${msgpackType}`,
  );
}

/** Throws MillraceError('badInput') that says which format was expected and what is wrong with the bytes. */
export function decode(data: Uint8Array, contentType: string | undefined): unknown {
  const format = formatOf(contentType);
  if (data.length === 0) throw new MillraceError('badInput', 'the message is empty');
  try {
    return format === 'msgpack' ? packr.unpack(data) : JSON.parse(textDecoder.decode(data));
  } catch (error) {
    const name = format === 'msgpack' ? 'MessagePack' : 'JSON';
    throw new MillraceError('badInput', `the message is not valid ${name}: ${whyNot(error)}`, {
      cause: error,
    });
  }
}

/** The stack's own words would say nothing of the message. */
const whyNot = (error: unknown): string =>
  error instanceof RangeError && /call stack/.test(error.message) ? 'nested too deep' : messageOf(error);

/** The headers that say how a payload is encoded. */
export const contentHeaders = (format: WireFormat): Record<string, string> =>
  format === 'msgpack' ? { [contentTypeHeader]: msgpackType } : {};

/** Internal messages between actors are always MessagePack, without a header. */
export const packInternal = (value: unknown): Uint8Array => packr.pack(value);

/**
 * Throws MillraceError('badInput') for what no actor sent. A stream's acknowledgement may land on any subject that a
 * publisher names for it; that one is JSON, and JSON is never a whole MessagePack value.
 */
export function unpackInternal<T>(data: Uint8Array): T {
  try {
    return packr.unpack(data) as T;
  } catch (error) {
    throw new MillraceError('badInput', `not a message between actors: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
