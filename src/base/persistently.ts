/** Tries again what may pass: for work that somebody else's death can spoil. */
import { type ErrorKind, MillraceError } from './errors.ts';

const passing: readonly ErrorKind[] = ['deadline', 'conflict', 'notReady'];

/** Before the second try; doubles with each further one. */
const firstDelayMs = 50;

/** Rejects with the last error, or at once with one that trying again would not mend. */
export async function persistently<Result>(
  triesMax: number,
  act: () => Promise<Result>,
  failed: (error: MillraceError) => void,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof MillraceError) || !passing.includes(error.kind) || attempt === triesMax)
        throw error;
      failed(error);
      await new Promise((resolve) => setTimeout(resolve, firstDelayMs * 2 ** (attempt - 1)));
    }
  }
}
