/**
 * Which versions may go. A version stays when the pointer names it, when it is one of the newest `keep`, when it is
 * younger than `keepForMs`, or when one that stays is laid over it. Damaged ones do not count as kept, and go when
 * they are older than all of the newest `keep`.
 */
export interface Retention {
  /** Newest versions that stay, at least 1. */
  readonly keep: number;
  /** Versions younger than this stay too; 0 when absent. */
  readonly keepForMs?: number;
}

export interface RetainedVersion {
  readonly version: number;
  /** Version that it is laid over. */
  readonly base: number | undefined;
  readonly createdMs: number;
}

/** `whole` and `damaged` ascending; the answer too. */
export function removable(
  whole: readonly RetainedVersion[],
  damaged: readonly number[],
  pointed: number | undefined,
  { keep, keepForMs = 0 }: Retention,
  nowMs: number,
): number[] {
  const oldestOfNewest = whole.at(-keep)?.version ?? 0;
  const baseOf = new Map(whole.map(({ version, base }) => [version, base]));
  const stays = new Set<number>();
  for (const { version, createdMs } of whole) {
    const wanted = version >= oldestOfNewest || version === pointed || nowMs - createdMs < keepForMs;
    // A version that is already known to stay has taken along everything below it.
    for (
      let at: number | undefined = version;
      wanted && at !== undefined && !stays.has(at);
      at = baseOf.get(at)
    )
      stays.add(at);
  }
  const old = damaged.filter((version) => version < oldestOfNewest && version !== pointed);
  return [...whole.map(({ version }) => version).filter((version) => !stays.has(version)), ...old].sort(
    (a, b) => a - b,
  );
}
