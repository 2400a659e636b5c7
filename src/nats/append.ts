/**
 * The acked publish. One request, one answer; the answer is read here rather than by the library so that
 * every refusal becomes the kind of error that a publisher decides by.
 */
import type { ApiError, NatsConnection } from 'nats';
import { MillraceError, messageOf } from '../base/errors.ts';
import type { Appended, AppendOptions, Headers } from './channel.ts';
import { ofApiError, operatingError } from './nats-errors.ts';
import { encodeHeaders, refuseOversize } from './wire-message.ts';

const defaultTimeoutMs = 5_000;

interface Acknowledgement {
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: ApiError;
}

export async function append(
  connection: NatsConnection,
  maxPayload: number,
  subject: string,
  data: Uint8Array,
  options: AppendOptions,
): Promise<Appended> {
  const headers = publishHeaders(options);
  refuseOversize(subject, data, headers, maxPayload);
  const what = `append to ${subject}`;
  const timeout = options.timeoutMs ?? defaultTimeoutMs;
  let answer: Uint8Array;
  try {
    const request = headers === undefined ? { timeout } : { timeout, headers: encodeHeaders(headers) };
    answer = (await connection.request(subject, data, request)).data;
  } catch (thrown) {
    const error = operatingError(thrown, what);
    if (error.kind !== 'notReady' || connection.isClosed()) throw error;
    throw new MillraceError('notReady', `${what}: no stream takes this subject`, { cause: thrown });
  }
  return readAcknowledgement(answer, what);
}

function publishHeaders(options: AppendOptions): Headers | undefined {
  const { msgId, headers, expectLastSeq, expectLastSubjectSeq } = options;
  if (msgId === undefined && expectLastSeq === undefined && expectLastSubjectSeq === undefined)
    return headers;
  return {
    ...headers,
    ...(msgId !== undefined && { 'Nats-Msg-Id': msgId }),
    ...(expectLastSeq !== undefined && { 'Nats-Expected-Last-Sequence': String(expectLastSeq) }),
    ...(expectLastSubjectSeq !== undefined && {
      'Nats-Expected-Last-Subject-Sequence': String(expectLastSubjectSeq),
    }),
  };
}

function readAcknowledgement(answer: Uint8Array, what: string): Appended {
  let ack: Acknowledgement;
  try {
    ack = JSON.parse(new TextDecoder().decode(answer)) as Acknowledgement;
  } catch (cause) {
    throw new MillraceError(
      'internal',
      `${what}: answered by something other than a stream: ${messageOf(cause)}`,
    );
  }
  if (ack.error !== undefined) throw ofApiError(ack.error, what);
  if (typeof ack.stream !== 'string' || typeof ack.seq !== 'number') {
    throw new MillraceError('internal', `${what}: answered by something other than a stream`);
  }
  return { seq: ack.seq, duplicate: ack.duplicate === true };
}
