/** Brings the reports of shards to the guards of their models. */
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';
import { unpackInternal } from '../protocol/codec.ts';
import type { ShardReport } from '../protocol/internal.ts';
import type { GuardStop } from '../protocol/messages.ts';
import type { Subjects } from '../protocol/subjects.ts';
import type { ModelHost } from './model-host.ts';
import type { Operations } from './operations.ts';

export function watchGuards(operations: Operations, channel: Channel, subjects: Subjects, log: Logger): void {
  channel.subscribe(subjects.report('shard', '*'), (message) => {
    const model = message.subject.split('.').at(-1)!;
    const host = operations.hostOf(model);
    const report = reportOf(message.data);
    if (host === undefined || report === undefined) return;
    const stop = host.learning.judge(report);
    if (stop === undefined) return;
    stopAndKeep(host, stop).catch((error) => {
      log.error({ model, reason: messageOf(error) }, 'the guard could not stop learning');
    });
  });
}

/** With a version of what was learned until then: a start that is paused learns nothing, and serves what it finds. */
async function stopAndKeep(host: ModelHost, stop: GuardStop): Promise<void> {
  await host.setPaused(true, stop);
  if (host.learning.stop === stop) await host.makeVersion('command');
}

/** Undefined for what is no report of a shard: whoever may publish under the root can send here. */
function reportOf(data: Uint8Array): ShardReport | undefined {
  try {
    const report = unpackInternal<Partial<ShardReport> | null>(data);
    const isReport =
      report?.kind === 'shard' &&
      typeof report.epoch === 'number' &&
      typeof report.seq === 'number' &&
      report.totals instanceof Uint8Array &&
      report.totals.length > 0 &&
      report.totals.length % Float64Array.BYTES_PER_ELEMENT === 0;
    return isReport ? (report as ShardReport) : undefined;
  } catch {
    return undefined;
  }
}
