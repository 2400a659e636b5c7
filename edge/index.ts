/** `millrace/edge`: models that only predict, in any JavaScript there is. */
export { type ErrorCode, type ErrorKind, MillraceError } from '../src/base/errors.ts';
export type { Features, FeatureValue } from '../src/protocol/messages.ts';
export { type EdgeModel, type EdgePrediction, loadModel } from './edge-model.ts';
export type { EdgeHeader } from './format.ts';
