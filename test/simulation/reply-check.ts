/**
 * Whether a prediction can be what it says: the score of rows that each hold every event up to its `seq`, all of
 * one epoch that descends from its `version`. Rows may be of different moments behind `seq`, as shards are.
 */
import { MillraceError } from '../../src/base/errors.ts';
import type { PlainLoop } from '../support/plain-loop.ts';
import type { Prediction } from './clients.ts';
import { must } from './difference.ts';
import type { Oracle } from './oracle.ts';

/** Combinations of row states that are tried. */
const triesMax = 20_000;

export function checkReply(
  oracle: Oracle,
  scratch: PlainLoop,
  features: object,
  { score, version, seq }: Prediction,
): void {
  const keys = [...new Set([...scratch.rowsOf(features), ...oracle.sharedKeys])];
  const epochs = oracle.epochsOf(version);
  const found = epochs.some((epoch) => isScoreOf(oracle, scratch, features, keys, epoch, seq, score));
  must(found, () => {
    const claims = `score ${score} of ${JSON.stringify(features)}, version ${version}, seq ${seq}`;
    return `a prediction claims ${claims}; no state of epochs ${epochs.join(', ') || '(none)'} from there on gives it`;
  });
}

function isScoreOf(
  oracle: Oracle,
  scratch: PlainLoop,
  features: object,
  keys: readonly number[],
  epoch: number,
  seq: number,
  score: number,
): boolean {
  if (seq < oracle.firstOf(epoch)) return false;
  const choices = keys.map((key) => rowStates(oracle, scratch.width, key, epoch, seq));
  let tries = 0;
  const given = (at: number): boolean => {
    if (at === keys.length) {
      tries++;
      return Object.is(scoreOf(scratch, features), score);
    }
    return choices[at]!.some((row) => {
      if (tries > triesMax) return true;
      scratch.table.set(row, keys[at]! * scratch.width);
      return given(at + 1);
    });
  };
  return given(0);
}

/** Rows of different moments may come to no finite score, which no predictor answers. */
function scoreOf(scratch: PlainLoop, features: object): number | undefined {
  try {
    return scratch.score(features);
  } catch (error) {
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}

/** What a row was from this sequence on, each state once. */
function rowStates(oracle: Oracle, width: number, key: number, epoch: number, from: number): Float32Array[] {
  const states: Float32Array[] = [];
  for (let seq = from; seq <= oracle.lastSeq; seq++) {
    const row = oracle.stateAt(epoch, seq).table.subarray(key * width, (key + 1) * width);
    const before = states.at(-1);
    if (before === undefined || row.some((value, slot) => !Object.is(value, before[slot]))) states.push(row);
  }
  return states;
}
