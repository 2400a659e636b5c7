/** What people and programs are told of a log that has lost acked entries. */
import type { LogRegressionStatus } from '../protocol/messages.ts';
import type { LogRegression } from './log-regression.ts';

const happened: Readonly<Record<LogRegression['kind'], string>> = {
  anew: 'the event stream was made anew',
  truncated: 'the event stream has lost its end',
  regrown: 'the event stream has lost its end and has grown again',
};

export function noticeOf(
  { kind, agreesTo, lost }: LogRegression,
  epoch: number,
  at: string,
): LogRegressionStatus {
  const [first, last] = lost;
  const detail = `${happened[kind]}: sequences ${first} to ${last} are in the parameters or were left out, and are no longer in the log; the parameters stay as they are, and everything behind ${agreesTo} is learned as new`;
  return { kind, lost, agreesTo, epoch, at, detail };
}
