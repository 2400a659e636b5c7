/**
 * Requests for a version to the checkpointer of one model. One that dies at work answers nobody: whoever asked it is
 * told so at once, and may ask the next one.
 */
import type { ModelConfig } from '../../config/schema.ts';
import { MillraceError } from '../base/errors.ts';
import type { Channel } from '../nats/channel.ts';
import { packInternal, unpackInternal } from '../protocol/codec.ts';
import type { MakeVersionRequest } from '../protocol/internal.ts';
import type { Subjects } from '../protocol/subjects.ts';

/** How long a version may take, beyond the cut itself. */
const makeTimeoutMs = 120_000;

export class VersionRequests {
  readonly #channel: Channel;
  readonly #subject: string;
  readonly #timeoutMs: number;
  readonly #underWay = new Set<(error: MillraceError) => void>();

  constructor(channel: Channel, subjects: Subjects, model: string, { checkpoint }: ModelConfig) {
    this.#channel = channel;
    this.#subject = subjects.checkpointer(model, 'make');
    this.#timeoutMs = checkpoint.cutTimeoutMs + makeTimeoutMs;
  }

  /** Resolves to the version's number; rejects with MillraceError('notReady') when the checkpointer ended meanwhile. */
  make(reason: MakeVersionRequest['reason']): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      this.#channel
        .request(this.#subject, packInternal({ reason }), { timeoutMs: this.#timeoutMs })
        .then(({ data }) => resolve(unpackInternal<{ version: number }>(data).version))
        .catch(reject)
        .finally(() => this.#underWay.delete(reject));
    });
  }

  /** The checkpointer is no more, and what it was asked for it takes along. */
  ended(): void {
    const error = new MillraceError(
      'notReady',
      'the checkpointer ended while it made the version, and starts again; ask once more',
    );
    for (const reject of this.#underWay) reject(error);
    this.#underWay.clear();
  }
}
