/** The child's side: takes its orders, follows the position, reports, and never outlives its parent. */
import process from 'node:process';
import { messageOf } from '../src/base/errors.ts';
import type { ChildMessage, ChildSpec, Position } from './processes.ts';

export interface Parent<Report> {
  readonly spec: ChildSpec;
  /** The newest position. */
  position(): Position;
  /** Resolves when the position satisfies the condition, or the stream has ended. */
  until(condition: (position: Position) => boolean): Promise<Position>;
  report(report: Report): void;
}

/** Runs one child process; its last report is the result. */
export async function runChild<Report>(work: (parent: Parent<Report>) => Promise<Report>): Promise<void> {
  // An interrupt goes to every process of the terminal; the parent decides, and ends this one by its id.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(1));
  const send = (message: ChildMessage<Report>) =>
    new Promise<void>((sent) => process.send?.(message, undefined, undefined, () => sent()) ?? sent());
  try {
    const spec = JSON.parse(process.argv[2] ?? '{}') as ChildSpec;
    const report = await work({
      spec,
      ...follow(),
      report: (progress) => void send({ kind: 'progress', report: progress }),
    });
    await send({ kind: 'result', report });
    process.exit(0);
  } catch (error) {
    await send({ kind: 'failed', message: messageOf(error) });
    process.exit(1);
  }
}

function follow(): Pick<Parent<never>, 'position' | 'until'> {
  let position: Position = { published: 0, frozenSeq: 0, learned: 0, ended: false };
  let wake: (() => void)[] = [];
  process.on('message', (message) => {
    position = message as Position;
    const woken = wake;
    wake = [];
    for (const resume of woken) resume();
  });
  return {
    position: () => position,
    async until(condition) {
      while (!position.ended && !condition(position)) await new Promise<void>((resume) => wake.push(resume));
      return position;
    },
  };
}
