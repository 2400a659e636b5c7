/** How the demo shows that it moves: a bar on a terminal, a line every few seconds anywhere else. */
import { MultiBar } from 'cli-progress';

export interface Progress {
  readonly learned: number;
  readonly eventsPerSecond: number;
  /** Scored after the first tenth; null until there is something to show. */
  readonly logLoss: number | null;
  readonly auc: number | null;
  readonly frozenLogLoss: number | null;
  readonly frozenAuc: number | null;
  readonly constantLogLoss: number | null;
}

export interface Display {
  update(progress: Progress): void;
  /** Something that happened. */
  note(sentence: string): void;
  stop(): void;
}

const lineEveryMs = 3_000;

export function displayOn(stream: NodeJS.WriteStream, total: number, now: () => number): Display {
  return stream.isTTY ? barOn(stream, total) : linesOn(stream, total, now);
}

function barOn(stream: NodeJS.WriteStream, total: number): Display {
  const bars = new MultiBar({
    format: ' {bar} {percentage}% {scores}',
    barsize: 12,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    linewrap: false,
    stream,
  });
  const bar = bars.create(total, 0, { scores: '' });
  return {
    update: (progress) => bar.update(Math.min(total, progress.learned), { scores: scoresOf(progress) }),
    note: (sentence) => {
      bars.log(`${sentence}\n`);
      bars.update();
    },
    stop: () => bars.stop(),
  };
}

function linesOn(stream: NodeJS.WriteStream, total: number, now: () => number): Display {
  let writtenMs = Number.NEGATIVE_INFINITY;
  return {
    update: (progress) => {
      if (now() - writtenMs < lineEveryMs) return;
      writtenMs = now();
      const percent = Math.floor((100 * progress.learned) / total);
      stream.write(`${percent}% learned, ${Math.round(progress.eventsPerSecond)}/s  ${scoresOf(progress)}\n`);
    },
    note: (sentence) => void stream.write(`${sentence}\n`),
    stop: () => {},
  };
}

/** Short enough for a terminal of eighty columns beside the bar. */
const scoresOf = (progress: Progress): string =>
  `log loss ${fixed(progress.logLoss)}, frozen ${fixed(progress.frozenLogLoss)}, ` +
  `base ${fixed(progress.constantLogLoss)} | AUC ${fixed(progress.auc)}, frozen ${fixed(progress.frozenAuc)}`;

/** Three decimals without the leading zero. */
export const fixed = (value: number | null): string =>
  value === null ? '--' : value.toFixed(3).replace(/^0/, '');
