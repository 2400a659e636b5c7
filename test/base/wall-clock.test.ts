import t from 'tap';
import { wallClock } from '../../src/base/wall-clock.ts';

t.test('the wall clock - is the fine one while it agrees with the coarse one', async (t) => {
  let coarse = 1_000;
  let fine = 1_000.4;
  const now = wallClock(
    () => coarse,
    () => fine,
  );
  t.equal(now(), 1_000.4);
  coarse += 3_600_000;
  fine += 5;
  t.equal(now(), 3_601_000, 'the host was set to another hour');
  coarse = 900;
  t.equal(now(), 900, 'or back');
  coarse = 1_006;
  t.equal(now(), 1_005.4, 'they agree again');
});
