/** The parent's side of a child process. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../src/base/errors.ts';
import type { ChildMessage, ChildSpec, Position } from './processes.ts';

export interface Forked<Report> {
  /** The newest report. */
  latest(): Report | undefined;
  tell(position: Position): void;
  /** Its last report; rejects when the process fails or ends without one. */
  readonly result: Promise<Report>;
  /** Ends the process if it still runs, and waits for that. */
  end(): Promise<void>;
}

/** `name` is that of a file beside this one. */
export function forkChild<Report>(
  name: string,
  spec: ChildSpec,
  onReport: (report: Report) => void = () => {},
): Forked<Report> {
  const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const child = fork(file, [JSON.stringify(spec)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let latest: Report | undefined;
  const result = new Promise<Report>((resolve, reject) => {
    child.on('message', (message) => {
      const told = message as ChildMessage<Report>;
      if (told.kind === 'failed') {
        reject(new MillraceError('internal', `the demo's ${name} failed: ${told.message}`));
        return;
      }
      latest = told.report;
      onReport(told.report);
      if (told.kind === 'result') resolve(told.report);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      reject(
        new MillraceError('internal', `the demo's ${name} ended early (${signal ?? `exit code ${code}`})`),
      );
    });
  });
  // Whoever waits for it sees the failure; until somebody does, it must not end this process.
  result.catch(() => {});
  return {
    latest: () => latest,
    tell: (position) => {
      if (child.connected) child.send(position, () => {});
    },
    result,
    end: () => ended(child),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
