/** Kinds of settings that occur in many places of the schema. */
import { z } from 'zod';

export const integer = (min: number, max: number, byDefault: number, doc: string) =>
  z.int().min(min).max(max).default(byDefault).describe(doc);
export const positive = (byDefault: number, max: number, doc: string) =>
  z.number().positive().max(max).default(byDefault).describe(doc);
export const notNegative = (byDefault: number, doc: string) =>
  z.number().min(0).max(1e6).default(byDefault).describe(doc);
