/**
 * What of a model's stream is still needed, and by whom. A version needs everything after its lowest mark, to go on
 * from there, and the entry at that mark, by which it knows the stream again. As the parameters in memory descend
 * from a version that is kept, what learning has not read yet is above that too.
 */
import { MillraceError } from '../base/errors.ts';
import type { Manifest } from '../checkpoint/store.ts';
import type { Exclusion } from '../protocol/internal.ts';

/** Entries below the sequence may go. */
export interface Need {
  readonly who: string;
  readonly fromSeq: number;
}

/** A version of a stream that was made anew would be learned from the beginning of the present one. */
export const needsOfVersions = (
  manifests: readonly Pick<Manifest, 'version' | 'stream'>[],
  streamCreated: string,
): Need[] =>
  manifests.map(({ version, stream }) => ({
    who: `version ${version}`,
    fromSeq: stream.created === streamCreated ? Math.max(1, Math.min(...stream.marks)) : 1,
  }));

/** The entry of the present epoch, when that passes over what is still to come. */
export function needsOfEpoch(host: {
  readonly served: { readonly epoch: number };
  readonly exclusions: readonly Exclusion[];
}): Need[] {
  const { epoch } = host.served;
  const reaches = host.exclusions.some((one) => (one.kind === 'position' ? one.seq : one.untilSeq) > epoch);
  return reaches ? [{ who: `epoch ${epoch}`, fromSeq: epoch }] : [];
}

/** Where a purge ends: at the lowest need, or at what was asked for when nobody needs what lies below. */
export function purgeEnd(model: string, needs: readonly Need[], below: number | undefined): number {
  const [first, ...others] = needs;
  if (first === undefined) {
    throw new MillraceError(
      'conflict',
      `${model} has no version yet, so a start would learn the whole stream: make one with \`millrace checkpoints make ${model}\``,
    );
  }
  const lowest = others.reduce((least, need) => (need.fromSeq < least.fromSeq ? need : least), first);
  if (below !== undefined && below > lowest.fromSeq) {
    throw new MillraceError(
      'conflict',
      `${lowest.who} of ${model} needs the stream from sequence ${lowest.fromSeq} on; nothing is removed below ${below}. ` +
        `Purge below ${lowest.fromSeq}, or keep fewer versions`,
    );
  }
  return below ?? lowest.fromSeq;
}
