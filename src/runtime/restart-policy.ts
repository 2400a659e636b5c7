/**
 * When may an actor that ended be started again, and how long later? Erlang's intensity and period: at most
 * `intensity` restarts in any `periodMs`, each waiting twice as long as the one before it in the period.
 * Pure: time and history come in, the new history goes out.
 */
import type { Config } from '../../config/schema.ts';

export type RestartLimits = Pick<
  Config['supervisor'],
  'intensity' | 'periodMs' | 'backoffMs' | 'backoffMaxMs'
>;

/** Times of the restarts still inside the period, ms on a monotonic clock, ascending: never more than `intensity`. */
export type RestartHistory = readonly number[];

export type RestartDecision =
  | { readonly kind: 'restart'; readonly waitMs: number; readonly history: RestartHistory }
  | { readonly kind: 'giveUp'; readonly restartsInPeriod: number };

export function decideRestart(
  limits: RestartLimits,
  history: RestartHistory,
  nowMs: number,
): RestartDecision {
  const recent = history.filter((time) => time > nowMs - limits.periodMs);
  if (recent.length >= limits.intensity) return { kind: 'giveUp', restartsInPeriod: recent.length };
  const waitMs = Math.min(limits.backoffMaxMs, limits.backoffMs * 2 ** recent.length);
  return { kind: 'restart', waitMs, history: [...recent, nowMs] };
}
