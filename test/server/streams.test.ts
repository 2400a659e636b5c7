/** What of a stream may go, and when its fullness is told. */
import t from 'tap';
import { needsOfVersions, purgeEnd } from '../../src/server/stream-needs.ts';
import { FullnessLevels } from '../../src/server/stream-watch.ts';

const created = '2026-11-01T00:00:00Z';
const version = (number: number, marks: number[], of = created) => ({
  version: number,
  stream: { name: 's', created: of, marks },
});

t.test('purge - ends at the lowest mark of any version, whose entry stays', async (t) => {
  const needs = needsOfVersions([version(4, [90, 120]), version(3, [70, 71])], created);
  t.equal(purgeEnd('m', needs, undefined), 70);
  t.equal(purgeEnd('m', needs, 60), 60, 'less may be asked for');
  t.equal(purgeEnd('m', needs, 70), 70);
  t.throws(() => purgeEnd('m', needs, 71), {
    kind: 'conflict',
    message: /^version 3 of m needs the stream from sequence 70 on; nothing is removed below 71/,
  });
  const more = [...needs, { who: 'the open joins', fromSeq: 55 }];
  t.throws(() => purgeEnd('m', more, 60), {
    message: /^the open joins of m needs? the stream from sequence 55/,
  });
});

t.test('purge - without a version, or with one of another stream, everything is needed', async (t) => {
  t.throws(() => purgeEnd('m', [], undefined), { kind: 'conflict', message: /no version yet/ });
  t.equal(purgeEnd('m', needsOfVersions([version(1, [50], 'another')], created), undefined), 1);
  t.equal(purgeEnd('m', needsOfVersions([version(1, [0, 50])], created), undefined), 1);
});

t.test('fullness - each share is told once, and again after it had fallen clearly below', async (t) => {
  const levels = new FullnessLevels();
  const at = (bytes: number) => levels.take({ bytes, bytesMax: 100 }, [0.8, 0.95]);
  t.same([10, 79, 80, 85, 79, 81].map(at), [undefined, undefined, 0.8, undefined, undefined, undefined]);
  t.same([96, 100, 94, 97].map(at), [0.95, undefined, undefined, undefined]);
  t.same([50, 80, 99].map(at), [undefined, 0.8, 0.95], 'after a purge they are told again');
  t.equal(
    new FullnessLevels().take({ bytes: 5, bytesMax: -1 }, [0.8]),
    undefined,
    'a stream without a limit',
  );
});
