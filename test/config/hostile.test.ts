/** Configurations that somebody wrote to do harm: each ends in a Config or in one SetupError, and shows no secret. */
import fc from 'fast-check';
import t from 'tap';
import { settingRows } from '../../config/describe.ts';
import { parseConfig, validateModel } from '../../config/load.ts';
import { MillraceError, SetupError } from '../../src/base/errors.ts';

/** Why it was refused; undefined when it was taken. Anything but a SetupError is thrown on. */
function refusalOf(text: string): string | undefined {
  try {
    parseConfig(text, 'c');
    return undefined;
  } catch (error) {
    if (error instanceof SetupError) return error.message;
    throw error;
  }
}

const keys = [...new Set(settingRows().flatMap(({ path }) => path.split('.')))];
const key = fc.oneof(
  fc.constantFrom(...keys, 'm', '__proto__', 'constructor', 'toString'),
  fc.string({ maxLength: 5 }),
);
const leaf = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.boolean(),
  fc.constant(null),
);
const { value: anything } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    leaf,
    fc.dictionary(key, tie('value'), { maxKeys: 6 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}));

t.test('config - any value is a configuration, or refused in bounded words', async () => {
  const property = fc.property(anything, (value) => (refusalOf(JSON.stringify(value)) ?? '').length < 20_000);
  fc.assert(property, { numRuns: 250 });
});

t.test('config - any text is a configuration, or refused in bounded words', async () => {
  const text = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 4 }),
        fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '//', '/*', '"nats"', '\\u0000', '1e999'),
      ),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (value) => (refusalOf(value) ?? '').length < 20_000),
    { numRuns: 250 },
  );
});

t.test('config - size and nesting have a bound', async (t) => {
  const deep = (depth: number) => `${'{"models":'.repeat(depth)}1${'}'.repeat(depth)}`;
  for (const depth of [65, 5_000, 200_000])
    t.match(refusalOf(deep(depth)), /nesting of at most 64/, String(depth));
  t.match(refusalOf('['.repeat(100_000)), /nesting of at most 64|not valid JSON/);
  t.match(refusalOf(`"${'x'.repeat(5 * 2 ** 20)}"`), /at most \d+ characters/);
  const many = `{${Array.from({ length: 20_000 }, (_, at) => `"k${at}":1`).join(',')}}`;
  t.match(refusalOf(many), /and \d+ more/);
});

t.test('config - prototypes are out of reach', async (t) => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString']) {
    t.match(refusalOf(`{"models":{"${name}":{"polluted":1}}}`), new RegExp(`"${name}" cannot be a key`));
    t.throws(() => validateModel(name, {}), { kind: 'badInput', message: /cannot be a key/ });
  }
  t.equal(({} as { polluted?: number }).polluted, undefined);
});

t.test('config - a name cannot leave its folder or its subject', async (t) => {
  const hostile = [
    '..',
    '../x',
    'a/b',
    'a\\b',
    'C:x',
    'a.b',
    '*',
    '>',
    'a b',
    'a\nb',
    'a\u0000b',
    '',
    'x'.repeat(65),
    'ä',
    '$JS',
  ];
  for (const name of hostile) {
    t.throws(() => validateModel(name, {}), MillraceError, JSON.stringify(name));
    t.match(refusalOf(JSON.stringify({ root: name })), 'root: expected', JSON.stringify(name));
  }
});

t.test('config - no refusal shows a secret', async (t) => {
  const secret = 'Tr0ub4dor-and-3';
  const cases: unknown[] = [
    { nats: { password: secret } },
    { nats: { user: 'u', token: secret, password: secret } },
    { nats: { user: 'u', password: [secret] } },
    { nats: { user: 'u', password: { evn: secret } } },
    { nats: { servers: `nats://u:${secret}@host:4222` } },
    { nats: { servers: [`nats://u:${secret}@host:4222`], context: 'c' } },
    { nats: `nats://u:${secret}@host:4222` },
    { nats: { embedded: { users: [{ user: 'a b', password: secret, roles: [] }] } } },
    { nats: { embedded: { users: [{ user: 'actors', password: secret, roles: ['predict'] }] } } },
    { nats: { user: 'u', password: secret, tls: { cert: 'c' } } },
  ];
  for (const value of cases) {
    const refusal = refusalOf(JSON.stringify(value));
    t.ok(refusal !== undefined && !refusal.includes(secret), `${JSON.stringify(value)}: ${refusal}`);
  }
  const torn = refusalOf(`{"nats": {"password": "${secret}" "token"`);
  t.ok(torn !== undefined && !torn.includes(secret), String(torn));
});
