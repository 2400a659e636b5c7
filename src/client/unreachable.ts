/** Nobody is there to talk to: no NATS server, or no Millrace behind it. Anything else means that one answered. */
import { MillraceError } from '../base/errors.ts';
import { redactedUrl } from '../base/redacted-url.ts';

export class ServerUnreachableError extends MillraceError {
  override readonly name: string = 'ServerUnreachableError';

  constructor(message: string, options?: ErrorOptions) {
    super('notReady', message, options);
  }

  static noNats(servers: readonly string[], cause: unknown): ServerUnreachableError {
    const where = servers.map(redactedUrl).join(', ');
    const mend = 'start one with `millrace serve`, or name yours with --server or NATS_URL';
    return new ServerUnreachableError(`no NATS server answers at ${where}; ${mend}`, { cause });
  }

  static noMillrace(root: string, cause: unknown): ServerUnreachableError {
    const mend = 'start one with `millrace serve`, or name the root that it has';
    return new ServerUnreachableError(
      `NATS answers, but no Millrace server under the root "${root}"; ${mend}`,
      { cause },
    );
  }
}
