/** The progress of `millrace learn` on a terminal: how much of the file, how fast, and the model's running loss. */
import { performance } from 'node:perf_hooks';
import { SingleBar } from 'cli-progress';
import type { LearnProgress } from '../client/learn-stream.ts';
import type { Millrace } from '../client/millrace.ts';
import type { Source } from '../formats/source.ts';
import { modelStatus } from './caught-up.ts';
import type { Terminal } from './terminal.ts';
import { countText, figure } from './words.ts';

export interface LearnBar {
  update(progress: LearnProgress): void;
  /** Writes a line above the bar. */
  note(terminal: Terminal): (text: string) => void;
  stop(): void;
}

const lossEveryMs = 1_000;

export function learnBar(client: Millrace, model: string, source: Source, visible: boolean): LearnBar {
  if (!visible) return { update: () => {}, note: (terminal) => terminal.note, stop: () => {} };
  const startedAt = performance.now();
  const whole = source.bytesTotal === undefined ? '' : '{bar} {percentage}%  ';
  const bar = new SingleBar({
    format: `${whole}{events} events  {rate}/s  loss {loss}`,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 24,
  });
  bar.start(source.bytesTotal ?? 1, 0, { events: 0, rate: 0, loss: '-' });
  const poll = setInterval(async () => {
    const status = await modelStatus(client, model);
    if (status !== undefined) bar.update({ loss: figure(status.metrics.window.averageLoss) });
  }, lossEveryMs);
  return {
    update: ({ events }) => {
      const rate = (events * 1000) / (performance.now() - startedAt);
      bar.update(source.bytesTotal === undefined ? 0 : source.bytesRead(), {
        events: countText(events),
        rate: countText(rate),
      });
    },
    note: (terminal) => (text) => {
      // Carriage return and erase: the bar draws itself again below.
      process.stderr.write('\r\u001b[K');
      terminal.note(text);
    },
    stop: () => {
      clearInterval(poll);
      bar.stop();
      process.stderr.write('\r\u001b[K');
    },
  };
}
