/**
 * What the client library and the server throw, turned into the errors of Millrace. A caller never sees a
 * NatsError: it decides by kind, and the text names the subject or stream that it was about.
 */
import { type ApiError, ErrorCode, NatsError } from 'nats';
import { type ErrorKind, errorCodes, MillraceError, messageOf } from '../base/errors.ts';

/** The server's own numbers for JetStream errors (`err_code`), as far as they decide something here. */
export const apiErrors = {
  wrongLastMsgId: 10070,
  wrongLastSequence: 10071,
  wrongLastSequenceConstant: 10164,
  expectedStream: 10060,
  streamNotFound: 10059,
  streamNameInUse: 10058,
  subjectsOverlap: 10065,
  messageNotFound: 10037,
  messageTooLarge: 10054,
  storeFailed: 10077,
  insufficientResources: 10023,
  storageExceeded: 10047,
  memoryExceeded: 10028,
  tooManyRequests: 10167,
} as const;

const kindOfApiError: Readonly<Record<number, ErrorKind>> = {
  [apiErrors.wrongLastMsgId]: 'conflict',
  [apiErrors.wrongLastSequence]: 'conflict',
  [apiErrors.wrongLastSequenceConstant]: 'conflict',
  [apiErrors.expectedStream]: 'conflict',
  [apiErrors.streamNotFound]: 'notFound',
  [apiErrors.streamNameInUse]: 'conflict',
  [apiErrors.subjectsOverlap]: 'conflict',
  [apiErrors.messageNotFound]: 'notFound',
  [apiErrors.messageTooLarge]: 'tooLarge',
  [apiErrors.insufficientResources]: 'overloaded',
  [apiErrors.storageExceeded]: 'overloaded',
  [apiErrors.memoryExceeded]: 'overloaded',
  [apiErrors.tooManyRequests]: 'overloaded',
};

/** The number of a JetStream error; 0 when it is none. */
export const apiErrorNumber = (thrown: unknown): number =>
  thrown instanceof NatsError ? (thrown.api_error?.err_code ?? 0) : 0;

export function ofApiError(error: ApiError, what: string): MillraceError {
  const known = kindOfApiError[error.err_code ?? 0] ?? kindOfStoreFailure(error);
  const kind = known ?? (error.code === 503 ? 'notReady' : 'internal');
  return new MillraceError(
    kind,
    `${what}: ${error.description} (JetStream error ${error.err_code ?? error.code})`,
  );
}

/** The store wraps its reason into one number: which limit was reached is told only by the text. */
function kindOfStoreFailure(error: ApiError): ErrorKind | undefined {
  if (error.err_code !== apiErrors.storeFailed) return undefined;
  if (/too large/i.test(error.description)) return 'tooLarge';
  return /exceeded/i.test(error.description) ? 'overloaded' : 'internal';
}

const kindOfClientError: Readonly<Record<string, ErrorKind>> = {
  [ErrorCode.NoResponders]: 'notReady',
  [ErrorCode.Timeout]: 'deadline',
  [ErrorCode.ConnectionClosed]: 'notReady',
  [ErrorCode.ConnectionDraining]: 'notReady',
  [ErrorCode.Disconnect]: 'notReady',
  [ErrorCode.MaxPayloadExceeded]: 'tooLarge',
  [ErrorCode.BadSubject]: 'badInput',
  [ErrorCode.BadHeader]: 'badInput',
  [ErrorCode.PermissionsViolation]: 'forbidden',
};

/** `what` says what was being done: "request to a.b". */
export function operatingError(thrown: unknown, what: string): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  if (!(thrown instanceof NatsError)) {
    return new MillraceError('internal', `${what}: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (thrown.api_error !== undefined) return ofApiError(thrown.api_error, what);
  const kind = kindOfClientError[thrown.code] ?? 'internal';
  return new MillraceError(kind, `${what}: ${sayClientError(thrown)}`, { cause: thrown });
}

function sayClientError(error: NatsError): string {
  if (error.code === ErrorCode.NoResponders) return 'nobody listens there';
  if (error.code === ErrorCode.Timeout) return 'no answer in time';
  if (error.code === ErrorCode.PermissionsViolation) return noPermission(error);
  return error.message.toLowerCase();
}

/** A request fails so too when its user may not read the inbox that the answer would come to. */
function noPermission(error: NatsError): string {
  const { operation = 'use', subject = 'it' } = error.permissionContext ?? {};
  const mend =
    operation === 'subscription'
      ? 'set the inbox prefix that this user has'
      : 'sign in as a user whose role has it; `millrace auth roles` shows them';
  return `no permission (${operation} ${subject}): ${mend}`;
}

const kindOfCode: ReadonlyMap<number, ErrorKind> = new Map(
  Object.entries(errorCodes).map(([kind, code]) => [code, kind as ErrorKind]),
);

/** The kind of an error reply's `Nats-Service-Error-Code`; foreign codes fall to the nearest that decides the same. */
export function kindOfServiceCode(code: number): ErrorKind {
  return kindOfCode.get(code) ?? (code >= 400 && code < 500 ? 'badInput' : 'internal');
}
