/** The progress of `millrace learn` on a terminal: how far the file is sent, and the model's own running loss. */
import type { LearnProgress } from '../client/learn-stream.ts';
import type { Millrace } from '../client/millrace.ts';
import type { Source } from '../formats/source.ts';
import { modelStatus } from './caught-up.ts';
import { type FileBar, fileBar } from './file-bar.ts';

export interface LearnBar extends Pick<FileBar, 'above' | 'stop'> {
  update(progress: LearnProgress): void;
}

const lossEveryMs = 1_000;

export function learnBar(client: Millrace, model: string, source: Source, visible: boolean): LearnBar {
  const bar = fileBar(source, visible);
  const ask = async () => {
    const status = await modelStatus(client, model);
    if (status !== undefined) bar.loss(status.metrics.window.averageLoss);
  };
  const poll = visible ? setInterval(ask, lossEveryMs) : undefined;
  return {
    update: ({ events }) => bar.update(events),
    above: bar.above,
    stop: () => {
      clearInterval(poll);
      bar.stop();
    },
  };
}
