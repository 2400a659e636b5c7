/**
 * Milliseconds since the epoch, to be compared with the stamps of other processes. The fine clock counts from the
 * start of the process and does not see the host's clock being set or slewed, so it counts only while it agrees
 * with the coarse one, which has whole milliseconds.
 */
const agreementMs = 2;

export const wallClock =
  (coarse: () => number, fine: () => number): (() => number) =>
  () => {
    const coarseMs = coarse();
    const fineMs = fine();
    return Math.abs(fineMs - coarseMs) < agreementMs ? fineMs : coarseMs;
  };
