/** What people and programs are told of a log that has lost acked entries. */
import { encode } from '../protocol/codec.ts';
import type { LogRegressionStatus } from '../protocol/messages.ts';
import type { LogRegression } from './log-regression.ts';
import type { ModelLine } from './tell-actors.ts';

const happened: Readonly<Record<LogRegression['kind'], string>> = {
  anew: 'the event stream was made anew',
  truncated: 'the event stream has lost its end',
  regrown: 'the event stream has lost its end and has grown again',
};

export class RegressionNotice {
  readonly #line: ModelLine;
  #current: LogRegressionStatus | undefined;

  constructor(line: ModelLine) {
    this.#line = line;
  }

  /** A loss of the log that nobody has acknowledged yet. */
  get current(): LogRegressionStatus | undefined {
    return this.#current;
  }

  say(regression: LogRegression, epoch: number): void {
    const { channel, subjects, model, log } = this.#line;
    const notice = noticeOf(regression, epoch, new Date().toISOString());
    this.#current = notice;
    log.error({ model, ...notice }, 'the log has lost events');
    channel.publish(subjects.event('regression', model), encode(notice, 'json'));
  }

  acknowledge(): void {
    this.#current = undefined;
  }
}

function noticeOf({ kind, agreesTo, lost }: LogRegression, epoch: number, at: string): LogRegressionStatus {
  const [first, last] = lost;
  const detail = `${happened[kind]}: sequences ${first} to ${last} are in the parameters or were left out, and are no longer in the log; the parameters stay as they are, and everything behind ${agreesTo} is learned as new`;
  return { kind, lost, agreesTo, epoch, at, detail };
}
