/**
 * Control entries of a model's stream. Only Millrace may publish them, but the acknowledgement of a client's own
 * publish goes to any subject that the client names for it, this one too; an acknowledgement has no `kind`.
 */
import { decode } from './codec.ts';

/** Whether somebody of ours wrote it: a JSON object that says what it is. */
export function isControlEntry(data: Uint8Array): boolean {
  try {
    const entry = decode(data, undefined);
    return typeof entry === 'object' && entry !== null && 'kind' in entry && typeof entry.kind === 'string';
  } catch {
    return false;
  }
}
