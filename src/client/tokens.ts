/** Tokens of subjects that a caller chooses: model names and keys. */
import { namePattern } from '../../config/names.ts';
import { MillraceError } from '../base/errors.ts';

export function nameOf(model: string): string {
  if (namePattern.test(model)) return model;
  throw new MillraceError('badInput', `"${model}" is no model name; expected 1 to 64 of A-Z a-z 0-9 _ -`);
}

/**
 * A key as a token: what a subject cannot hold becomes "_". Two keys that become one token share a partition,
 * as others do by chance; that costs nothing but balance.
 */
export function keyToken(key: string): string {
  const token = key.replaceAll(/[^A-Za-z0-9_\-=/:@+]/g, '_').slice(0, keyLengthMax);
  if (token === '') throw new MillraceError('badInput', 'the key is empty; leave it out, or name one');
  return token;
}

const keyLengthMax = 128;
