/** What can be wrong with stored versions, and with the disk that should hold them. */
import { MillraceError, messageOf, SetupError } from '../base/errors.ts';

/** A version that exists and cannot be trusted. The caller takes another one; nothing here is ever repaired by guessing. */
export class DamagedVersionError extends MillraceError {
  override readonly name = 'DamagedVersionError';
  readonly model: string;
  readonly version: number;
  readonly file: string;
  readonly reason: string;

  constructor(model: string, version: number, file: string, reason: string, options?: ErrorOptions) {
    super(
      'internal',
      `Version ${version} of model ${model} cannot be used: ${file}: ${reason}; use another version or restore the file from a backup`,
      options,
    );
    this.model = model;
    this.version = version;
    this.file = file;
    this.reason = reason;
  }
}

/** The pointer itself is damaged: the versions may all be whole, but which one is current is not known. */
export class DamagedPointerError extends MillraceError {
  override readonly name = 'DamagedPointerError';
  readonly model: string;
  readonly file: string;
  readonly reason: string;

  constructor(model: string, file: string, reason: string, options?: ErrorOptions) {
    super(
      'internal',
      `The pointer to the current version of model ${model} is damaged: ${file}: ${reason}; roll back to a version to write it anew`,
      options,
    );
    this.model = model;
    this.file = file;
    this.reason = reason;
  }
}

/** A part that is there and cannot be given whole by what keeps it. */
export class DamagedPartError extends Error {
  override readonly name = 'DamagedPartError';
}

const errnoOf = (thrown: unknown): string | undefined =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;

export const isMissing = (thrown: unknown): boolean => errnoOf(thrown) === 'ENOENT';
export const alreadyExists = (thrown: unknown): boolean => errnoOf(thrown) === 'EEXIST';

/** Errors of reading that mean the thing itself is broken; others (no permission, too many open files) are the host's. */
const brokenThing = new Set(['EIO', 'EISDIR', 'ENOTDIR', 'ELOOP']);
export const meansDamage = (thrown: unknown): boolean =>
  thrown instanceof DamagedPartError || brokenThing.has(errnoOf(thrown) ?? '');

/** Names the folder and the mend for an error of the disk; errors that are ours already pass unchanged. */
export function diskFailure(folder: string, doing: string, thrown: unknown): Error {
  const errno = errnoOf(thrown);
  if (thrown instanceof Error && errno === undefined) return thrown;
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new MillraceError(
      'internal',
      `No space left in ${folder} while ${doing}: free some there, or lower checkpoint.keep`,
      { cause: thrown },
    );
  }
  if (errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS') {
    return new SetupError(
      `Not allowed to use ${folder} while ${doing} (${errno}): give this user write access, or change dataDir`,
      { cause: thrown },
    );
  }
  return new MillraceError('internal', `Disk error in ${folder} while ${doing}: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}
