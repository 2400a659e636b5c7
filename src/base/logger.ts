/** What we ask of a logger; pino's satisfies it (src/runtime/log.ts makes one). Facts first, sentence second. */
type LogCall = (facts: object, sentence: string) => void;

export interface Logger {
  readonly debug: LogCall;
  readonly info: LogCall;
  readonly warn: LogCall;
  readonly error: LogCall;
  child(facts: object): Logger;
}
