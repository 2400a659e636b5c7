/**
 * What names a class: a string, an integer or a boolean. Two labels are of one class when their text is the same: 1
 * and "1", true and "true"; a reply has the form in which the class was seen first.
 */
import { z } from 'zod';

export type ClassLabel = string | number | boolean;

/** Bytes of a class's JSON text: what a model keeps of a class has room for so many. */
export const classLabelBytesMax = 64;

export const isClassLabel = (value: unknown): value is ClassLabel => {
  if (typeof value === 'string') return value !== '' && fits(value);
  return typeof value === 'boolean' || Number.isSafeInteger(value);
};

const fits = (text: string): boolean =>
  text.length <= classLabelBytesMax && Buffer.byteLength(JSON.stringify(text)) <= classLabelBytesMax;

/** Equal for labels of one class. */
export const classText = (label: ClassLabel): string => String(label);

export const classLabel = z
  .union([z.string().min(1).max(classLabelBytesMax), z.int(), z.boolean()])
  .refine(isClassLabel, `expected a class of at most ${classLabelBytesMax} bytes as JSON`);
