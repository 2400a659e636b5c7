/** The consumer behind a log reader: in memory, without acks, gone by itself when nobody pulls from it. */
import {
  AckPolicy,
  type ConsumerInfo,
  DeliverPolicy,
  type JetStreamManager,
  type NatsConnection,
  nanos,
} from 'nats';
import { MillraceError } from '../base/errors.ts';
import type { ConnectionEvent, StreamState } from './channel.ts';
import { operatingError } from './nats-errors.ts';
import { streamState } from './streams.ts';

/** What a reader needs of its channel. */
export interface LogSource {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly apiPrefix: string;
  readonly inboxPrefix: string | undefined;
  readonly maxPayload: number;
  readonly connected: boolean;
  /** Returns how to stop listening. */
  onEvent(listener: (event: ConnectionEvent, detail: string) => void): () => void;
}

const inactiveMs = 60_000;

export async function createConsumer(
  source: LogSource,
  stream: string,
  name: string,
  fromSeq: number,
): Promise<ConsumerInfo> {
  try {
    return await source.manager.consumers.add(stream, {
      name,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: fromSeq,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(inactiveMs),
    });
  } catch (thrown) {
    throw operatingError(thrown, `read stream ${stream}`);
  }
}

/** Good manners only: the server removes it by itself after a while without a pull. */
export function deleteConsumer(source: LogSource, stream: string, name: string): void {
  if (!source.connected || source.connection.isClosed()) return;
  source.manager.consumers.delete(stream, name).catch(() => {});
}

/** The stream as it is now; refuses one that ends before what was read, where a consumer would start over in silence. */
export async function streamIdentity(
  source: LogSource,
  stream: string,
  position: number,
): Promise<StreamState> {
  const state = await streamState(source.manager, stream);
  if (state === undefined) throw new MillraceError('notFound', `there is no stream ${stream}`);
  if (state.lastSeq >= position) return state;
  throw new MillraceError(
    'conflict',
    `stream ${stream} ends at ${state.lastSeq}, before ${position} that was read: the server lost entries`,
  );
}
