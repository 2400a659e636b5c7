/**
 * When to compare the logs with the parameters while the server runs: after each reconnect, because the server that
 * answers now may have lost what it acked before, and whenever a learner has failed, which may be why.
 */
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';
import type { Supervisor } from '../runtime/supervisor.ts';
import type { ModelHost } from './model-host.ts';
import type { Operations } from './operations.ts';

const retryMs = 250;
/** A server that comes back may take its time to know its streams; after the next reconnect there is another look. */
const triesMax = 120;

/** `ensureShared`: makes the streams that all models share, which may be gone with the rest. */
export async function watchLog(
  channel: Channel,
  supervisor: Supervisor,
  operations: Operations,
  ensureShared: () => Promise<unknown>,
  log: Logger,
): Promise<void> {
  await ensureShared();
  const looking = new Set<ModelHost>();
  const look = async (host: ModelHost) => {
    if (looking.has(host)) return;
    looking.add(host);
    await untilDone(() => host.checkLog(), log, host.model);
    looking.delete(host);
  };
  channel.onEvent((event) => {
    if (event !== 'reconnect') return;
    void untilDone(ensureShared, log, 'shared streams');
    for (const host of operations.hosts) void look(host);
  });
  supervisor.onChange((change) => {
    const host = operations.hostOf(change.name);
    if (change.kind === 'learner' && change.state === 'backing-off' && host !== undefined) void look(host);
  });
}

async function untilDone(act: () => Promise<unknown>, log: Logger, what: string): Promise<void> {
  for (let attempt = 1; attempt <= triesMax; attempt++) {
    try {
      await act();
      return;
    } catch (error) {
      if (attempt === 1) log.warn({ what, reason: messageOf(error) }, 'the log cannot be compared yet');
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
  log.error({ what }, 'the log could not be compared');
}
