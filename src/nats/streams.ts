/**
 * Streams as Millrace uses them: stored in files, limited in bytes, never by age or count. Only what
 * nats-server 2.9 knows is used.
 */
import {
  DiscardPolicy,
  ErrorCode,
  type JetStreamManager,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from 'nats';
import { MillraceError } from '../base/errors.ts';
import type { LogEntry, StreamSpec, StreamState } from './channel.ts';
import { storedEntry } from './log-entry.ts';
import { apiErrorNumber, apiErrors, operatingError } from './nats-errors.ts';

export async function ensureStream(manager: JetStreamManager, spec: StreamSpec): Promise<StreamState> {
  const what = `stream ${spec.name}`;
  const present = await streamInfo(manager, spec.name);
  if (present === undefined) return stateOf(await createStream(manager, spec, what));
  refuseOtherSubjects(spec, present);
  if (hasLimits(present.config, spec)) return stateOf(present);
  return stateOf(await asOperating(what, manager.streams.update(spec.name, limitsOf(spec))));
}

async function createStream(manager: JetStreamManager, spec: StreamSpec, what: string): Promise<StreamInfo> {
  const config: Partial<StreamConfig> & { name: string } = {
    name: spec.name,
    subjects: [...spec.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    ...limitsOf(spec),
  };
  try {
    return await manager.streams.add(config);
  } catch (thrown) {
    if (apiErrorNumber(thrown) === apiErrors.storageExceeded) {
      throw new MillraceError(
        'overloaded',
        `${what} wants ${spec.bytesMax} bytes, more than the server has left to give: lower limits.streamBytesMax or raise the server's max_file_store`,
        { cause: thrown },
      );
    }
    // Another process may have created it between the look and the call; then its subjects decide.
    const present =
      apiErrorNumber(thrown) === apiErrors.streamNameInUse && (await streamInfo(manager, spec.name));
    if (!present) throw operatingError(thrown, what);
    refuseOtherSubjects(spec, present);
    return present;
  }
}

const limitsOf = (spec: StreamSpec): Partial<StreamConfig> => ({
  max_bytes: spec.bytesMax,
  discard: spec.discard === 'new' ? DiscardPolicy.New : DiscardPolicy.Old,
  duplicate_window: nanos(spec.duplicateWindowMs),
});

const hasLimits = (config: StreamConfig, spec: StreamSpec): boolean =>
  Object.entries(limitsOf(spec)).every(([name, value]) => config[name as keyof StreamConfig] === value);

function refuseOtherSubjects(spec: StreamSpec, present: StreamInfo): void {
  const wanted = [...spec.subjects].sort().join(' ');
  const got = [...(present.config.subjects ?? [])].sort().join(' ');
  if (wanted === got) return;
  throw new MillraceError(
    'conflict',
    `stream ${spec.name} exists with other subjects (${got}; expected ${wanted}): delete it or choose another root`,
  );
}

const stateOf = (info: StreamInfo): StreamState => ({
  firstSeq: info.state.first_seq,
  lastSeq: info.state.last_seq,
  messages: info.state.messages,
  bytes: info.state.bytes,
  bytesMax: info.config.max_bytes,
  created: String(info.created),
});

export async function streamState(manager: JetStreamManager, name: string): Promise<StreamState | undefined> {
  const info = await streamInfo(manager, name);
  return info === undefined ? undefined : stateOf(info);
}

const streamInfo = (manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> =>
  unlessAbsent(`stream ${name}`, manager.streams.info(name));

export async function deleteStream(manager: JetStreamManager, name: string): Promise<void> {
  await unlessAbsent(`delete stream ${name}`, manager.streams.delete(name));
}

export async function purgeStream(manager: JetStreamManager, name: string, belowSeq: number): Promise<void> {
  // A purge below 1 would be one without a bound: the server takes 0 for "everything".
  if (belowSeq <= 1) return;
  await asOperating(`purge stream ${name}`, manager.streams.purge(name, { seq: belowSeq }));
}

type EntryQuery =
  | { readonly seq: number; readonly next_by_subj?: string }
  | { readonly last_by_subj: string };

export async function lookUpEntry(
  manager: JetStreamManager,
  stream: string,
  query: EntryQuery,
): Promise<LogEntry | undefined> {
  const what = `look up an entry of stream ${stream}`;
  const stored = await unlessAbsent(what, manager.streams.getMessage(stream, query));
  if (stored === undefined) return undefined;
  const state = await streamState(manager, stream);
  return storedEntry(stored, state?.lastSeq ?? stored.seq);
}

export async function removeEntry(manager: JetStreamManager, stream: string, seq: number): Promise<boolean> {
  try {
    await manager.streams.deleteMessage(stream, seq);
    return true;
  } catch (thrown) {
    // One number stands for everything that may go wrong, an entry that is not there included.
    if ((await lookUpEntry(manager, stream, { seq })) === undefined) return false;
    throw operatingError(thrown, `remove an entry of stream ${stream}`);
  }
}

async function asOperating<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw operatingError(thrown, what);
  }
}

export async function unlessAbsent<T>(what: string, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    const error = operatingError(thrown, what);
    if (error.kind === 'notFound') return undefined;
    if (!isUnanswered(thrown)) throw error;
    throw new MillraceError('notReady', noJetStream(what), { cause: thrown });
  }
}

const isUnanswered = (thrown: unknown): boolean =>
  thrown instanceof NatsError && thrown.code === ErrorCode.NoResponders && thrown.api_error === undefined;

const noJetStream = (what: string): string =>
  `${what}: JetStream does not answer: start nats-server with -js, or enable JetStream for the account`;
