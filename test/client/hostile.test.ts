/** Names and keys that a caller chooses: none of them makes another subject than the one that is meant. */
import fc from 'fast-check';
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { keyToken, nameOf } from '../../src/client/tokens.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';

const { learn, predict } = subjectsOf('millrace');
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(fc.constantFrom('.', '*', '>', ' ', '\r\n', '\t', '$JS', 'a', '\u0000', '..', '/', '\u2028'))
    .map((parts) => parts.join('')),
);

t.test('names - are one token of a subject, or refused', async () => {
  const property = fc.property(text, (name) => {
    try {
      return predict(nameOf(name)) === `millrace.v1.predict.${name}` && /^[\w-]{1,64}$/.test(name);
    } catch (error) {
      return error instanceof MillraceError && error.kind === 'badInput';
    }
  });
  fc.assert(property, { numRuns: 2_000 });
});

t.test('keys - are one token of a subject, whatever they were', async () => {
  const property = fc.property(text, (key) => {
    if (key === '') return true;
    const tokens = learn('clicks', keyToken(key)).split('.');
    return tokens.length === 5 && /^[A-Za-z0-9_\-=/:@+]{1,128}$/.test(tokens[4]!);
  });
  fc.assert(property, { numRuns: 2_000 });
});
