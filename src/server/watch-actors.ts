/** What the rest of the system must hear of actors that come and go. */
import type { Logger } from '../base/logger.ts';
import type { Channel } from '../nats/channel.ts';
import { encode, packInternal } from '../protocol/codec.ts';
import type { PredictorsReport } from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';
import type { Supervisor } from '../runtime/supervisor.ts';
import type { Operations } from './operations.ts';

/**
 * Tells the hosts of actors that were given up, subscribers of `evt.restart` of those that start again, and the
 * monitor how many predictors each model has: all of them when it is the monitor itself that has started, which
 * then knows whom to send away at the door.
 */
export function watchActors(
  supervisor: Supervisor,
  operations: Operations,
  channel: Channel,
  subjects: Subjects,
  log: Logger,
): void {
  const tellPredictors = (model: string) => {
    const prefix = `${model}/predictor/`;
    const running = supervisor
      .statuses()
      .filter((actor) => actor.name.startsWith(prefix) && actor.state === 'running').length;
    const report: PredictorsReport = { kind: 'predictors', model, running };
    channel.publish(subjects.report('predictors', model), packInternal(report));
  };
  supervisor.onGiveUp((name, error) => operations.hostOf(name)?.fail(`${name}: ${error.message}`));
  supervisor.onChange((change) => {
    if (change.reason !== undefined) log.warn(change, 'actor changed');
    if (change.kind === 'monitor' && change.state === 'running') {
      for (const host of operations.hosts) tellPredictors(host.model);
      channel.publish(subjects.monitor('guard'), packInternal({}));
    }
    const host = operations.hostOf(change.name);
    if (host === undefined) return;
    const { model } = host;
    if (change.kind === 'predictor') tellPredictors(model);
    if (change.state === 'backing-off')
      channel.publish(subjects.event('restart', model), encode(change, 'json'));
  });
}
