/** Control entries of a model's stream, as bytes: anybody with the right to publish there may have written one. */
import { z } from 'zod';
import { decode, encode } from './codec.ts';
import { type EpochEntry, type Exclusion, epochReasons } from './internal.ts';

const count = z.int().min(0);

export const exclusionSchema: z.ZodType<Exclusion> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('position'), seq: count, index: count.exactOptional() }),
  z.strictObject({ kind: z.enum(['id', 'key', 'feature']), value: z.string(), untilSeq: count }),
]);

/** Members that a later Millrace adds are kept out of the way, those that an earlier one did not know have defaults. */
const entrySchema = z.object({
  kind: z.literal('epoch'),
  reason: z.enum(epochReasons),
  base: count,
  from: z.object({ epoch: count, marks: z.array(count).min(1) }).exactOptional(),
  skipTo: count,
  leftOut: z.array(z.tuple([count, count])),
  exclusions: z.array(exclusionSchema).default([]),
  unlearned: z.array(exclusionSchema).exactOptional(),
  incarnation: count.exactOptional(),
  lost: z.tuple([count, count]).exactOptional(),
  fingerprint: z.string(),
  settings: z
    .object({
      definition: z.unknown(),
      limits: z.object({
        featuresMax: count,
        depthMax: count,
        eventsPerMessageMax: count,
        featuresPerMessageMax: count,
      }),
      // An epoch that began before ids meant anything remembers none.
      dedupe: z.object({ idsMax: count }).default({ idsMax: 0 }),
      learners: count.min(1),
    })
    .exactOptional(),
  changes: z
    .array(z.object({ path: z.string(), from: z.unknown().exactOptional(), to: z.unknown().exactOptional() }))
    .exactOptional(),
});

export const encodeEpochEntry = (entry: EpochEntry): Uint8Array => encode(entry, 'json');

/** Undefined for what is no such entry. */
export function decodeEpochEntry(data: Uint8Array): EpochEntry | undefined {
  try {
    return epochEntryOf(decode(data, undefined));
  } catch {
    return undefined;
  }
}

export function epochEntryOf(value: unknown): EpochEntry | undefined {
  const parsed = entrySchema.safeParse(value);
  return parsed.success ? (parsed.data as EpochEntry) : undefined;
}
