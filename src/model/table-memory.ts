/** Memory for rows: settings that ask for more than there is are told in one line. */
import { MillraceError } from '../base/errors.ts';

export function memoryOfRows<Memory>(rows: number, width: number, allocate: () => Memory): Memory {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const gib = ((rows * width * 4) / 2 ** 30).toFixed(1);
    throw new MillraceError(
      'tooLarge',
      `${rows} rows of ${width} numbers, ${gib} GiB, cannot be allocated here: lower features.bits, or what makes rows wide (family, classes)`,
      { cause: error },
    );
  }
}
