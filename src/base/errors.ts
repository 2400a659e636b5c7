/**
 * The errors of Millrace. A caller decides by `code`, never by the text. The codes are those that the wire
 * carries in `Nats-Service-Error-Code` (docs/protocol.md).
 */
export const errorCodes = {
  badInput: 400,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  tooLarge: 413,
  overloaded: 429,
  internal: 500,
  notReady: 503,
  deadline: 504,
} as const;

export type ErrorKind = keyof typeof errorCodes;
export type ErrorCode = (typeof errorCodes)[ErrorKind];

/** An operating error: expected, typed, and safe to show to whoever asked. */
export class MillraceError extends Error {
  override readonly name: string = 'MillraceError';
  readonly kind: ErrorKind;
  readonly code: ErrorCode;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.code = errorCodes[kind];
  }
}

/** A setting, a file or a command line that cannot work; the message says how to mend it. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** What to print of something caught: its message, or its text when it is no Error. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
