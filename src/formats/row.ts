/**
 * What every reader of a recorded file yields: one item per record, in file order, each with the line it ends
 * on. A record that cannot be read is an item too, with its reason, so that the caller decides whether to go
 * on; the readers only throw when nothing more can be read at all.
 */
export type Row<T> =
  | { readonly kind: 'record'; readonly line: number; readonly value: T }
  | { readonly kind: 'problem'; readonly line: number; readonly problem: string };

/** A record as it stands in the file: a value of JSON, or a cell of a table already typed (cell.ts). */
export type FileRecord = Readonly<Record<string, unknown>>;

/** The longest line, or record with quoted line breaks, that a reader holds in memory. */
export const recordBytesMax = 1024 * 1024;

export const recordOf = <T>(line: number, value: T): Row<T> => ({ kind: 'record', line, value });
export const problemOf = (line: number, problem: string): Row<never> => ({ kind: 'problem', line, problem });
