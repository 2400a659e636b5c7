/**
 * The monitor actor: gathers the reports of all actors of the process into one view, which `status` shows, and
 * stands at the door for predictions and rankings that no predictor answers: an unknown model is 404, one that is
 * not whole yet is 503. The copy of each request that this costs is looked at no further than its subject.
 */
import { MillraceError } from '../src/base/errors.ts';
import { ModelView, type ModelViewData } from '../src/monitor/model-view.ts';
import type { Subscription } from '../src/nats/channel.ts';
import { packInternal, unpackInternal } from '../src/protocol/codec.ts';
import type { Report } from '../src/protocol/internal.ts';
import { respondError } from '../src/protocol/replies.ts';
import { subjectsOf } from '../src/protocol/subjects.ts';
import type { ActorContext, RunningActor } from '../src/runtime/actor.ts';
import { actorThread } from '../src/runtime/thread.ts';

export interface MonitorSettings {
  readonly root: string;
  readonly windowEvents: number;
}

export interface MonitorView {
  readonly models: Readonly<Record<string, ModelViewData>>;
}

async function monitorActor({ channel, settings }: ActorContext<MonitorSettings>): Promise<RunningActor> {
  const subjects = subjectsOf(settings.root);
  const views = new Map<string, ModelView>();
  /** Models that at least one predictor answers for. */
  const served = new Set<string>();

  const viewOf = (model: string): ModelView => {
    const known = views.get(model);
    if (known !== undefined) return known;
    const view = new ModelView(settings.windowEvents);
    views.set(model, view);
    return view;
  };

  const guards: Subscription[] = [];
  const subscriptions = [
    channel.subscribe(subjects.report('*', '*'), (message) => {
      const report = unpackInternal<Report>(message.data);
      viewOf(report.model).take(report, performance.now());
      if (report.kind === 'predictors' && report.running > 0) served.add(report.model);
      else if (report.kind === 'predictors') served.delete(report.model);
    }),
    channel.subscribe(subjects.monitor('view'), (message) => {
      const models = Object.fromEntries(
        [...views].map(([model, view]) => [model, view.data(performance.now())]),
      );
      message.respond(packInternal({ models } satisfies MonitorView));
    }),
    channel.subscribe(subjects.monitor('forget'), (message) => {
      const { model } = unpackInternal<{ model: string }>(message.data);
      views.delete(model);
      served.delete(model);
      message.respond(packInternal({}));
    }),
    // Until it has heard of every model, a new monitor would send away those whom a predictor is about to answer.
    channel.subscribe(subjects.monitor('guard'), () => {
      if (guards.length > 0) return;
      for (const subject of [subjects.predict('*'), subjects.rank('*')]) {
        guards.push(
          channel.subscribe(subject, (message) => {
            const model = message.subject.split('.').at(-1)!;
            if (!served.has(model)) respondError(message, refusal(model));
          }),
        );
      }
    }),
  ];
  const refusal = (model: string): MillraceError => {
    if (views.has(model)) return new MillraceError('notReady', `model ${model} is not ready yet; try again`);
    const known = [...views.keys()].join(', ') || 'none';
    return new MillraceError('notFound', `no model is named ${model}; there are: ${known}`);
  };
  await channel.flush();
  return {
    async stop() {
      for (const subscription of [...guards, ...subscriptions]) subscription.unsubscribe();
    },
  };
}

export default actorThread(monitorActor);
