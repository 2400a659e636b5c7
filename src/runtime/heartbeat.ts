/**
 * Tells when a thread's event loop has stopped turning. It counts looks without a beat, not time: when the
 * whole process slept or was starved, the looks were too, and nobody is taken for hung.
 */
export interface HeartbeatLimits {
  readonly heartbeatMs: number;
  readonly heartbeatTimeoutMs: number;
}

/** Calls onSilent once, then looks no further; clear the timer to end it sooner. */
export function watchHeartbeat(
  beats: () => number,
  limits: HeartbeatLimits,
  onSilent: (silentMs: number) => void,
): NodeJS.Timeout {
  let seen = beats();
  let silentMs = 0;
  const timer = setInterval(() => {
    const now = beats();
    silentMs = now === seen ? silentMs + limits.heartbeatMs : 0;
    seen = now;
    if (silentMs < limits.heartbeatTimeoutMs) return;
    clearInterval(timer);
    onSilent(silentMs);
  }, limits.heartbeatMs);
  return timer;
}
