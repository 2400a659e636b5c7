/** The public door: the client, the server, the configuration and the messages. */

export { loadConfig, parseConfig } from '../config/load.ts';
export type { Config, ConfigInput, ModelConfig, ModelInput } from '../config/schema.ts';
export { type ErrorCode, type ErrorKind, errorCodes, MillraceError, SetupError } from './base/errors.ts';
export type { Admin, Removal, RollbackMode, Versions } from './client/admin.ts';
export { connect } from './client/connect.ts';
export type { LearnOptions, Receipt } from './client/learn.ts';
export type { LearnProgress, LearnStreamOptions } from './client/learn-stream.ts';
export type { Millrace } from './client/millrace.ts';
export type { MillraceOptions } from './client/options.ts';
export type { PredictCallOptions, RankCallOptions } from './client/predict.ts';
export type { RejectedOptions, RejectedSelection } from './client/rejected.ts';
export type { ExportedVersion, PredictOnlyOptions } from './client/version-files.ts';
export type * from './protocol/messages.ts';
export type * from './protocol/score-messages.ts';
export { type RunningServer, startServer } from './server.ts';
