/** How far a file has been read, on a terminal: a bar of its bytes, a count, a rate and the running loss. */
import { performance } from 'node:perf_hooks';
import { SingleBar } from 'cli-progress';
import type { Source } from '../formats/source.ts';
import { countText, figure } from './words.ts';

export interface FileBar {
  update(events: number): void;
  loss(loss: number | null | undefined): void;
  /** A way of writing lines that go above the bar. */
  above(write: (text: string) => void): (text: string) => void;
  stop(): void;
}

const invisible: FileBar = { update: () => {}, loss: () => {}, above: (write) => write, stop: () => {} };

export function fileBar(source: Source, visible: boolean): FileBar {
  if (!visible) return invisible;
  const startedAt = performance.now();
  const whole = source.bytesTotal === undefined ? '' : '{bar} {percentage}%  ';
  const bar = new SingleBar({
    format: `${whole}{events} events  {rate}/s  loss {loss}`,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 24,
  });
  bar.start(source.bytesTotal ?? 1, 0, { events: 0, rate: 0, loss: '-' });
  return {
    update: (events) => {
      const rate = (events * 1000) / (performance.now() - startedAt);
      bar.update(source.bytesTotal === undefined ? 0 : source.bytesRead(), {
        events: countText(events),
        rate: countText(rate),
      });
    },
    loss: (loss) => bar.update({ loss: figure(loss) }),
    above: (write) => (text) => {
      // Carriage return and erase: the bar draws itself again below.
      process.stderr.write('\r\u001b[K');
      write(text);
    },
    stop: () => {
      bar.stop();
      process.stderr.write('\r\u001b[K');
    },
  };
}
