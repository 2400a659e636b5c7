import fc from 'fast-check';
import t from 'tap';
import { losses, sigmoid } from '../../src/model/losses.ts';

const anyRaw = fc.double({ min: -20, max: 20, noNaN: true });

t.test('losses - the derivative is what the values say', async () => {
  for (const loss of Object.values(losses)) {
    const labels =
      loss.name === 'logistic' ? fc.constantFrom(0, 1) : fc.double({ min: -9, max: 9, noNaN: true });
    fc.assert(
      fc.property(anyRaw, labels, (raw, label) => {
        const h = 1e-5;
        const numerical = (loss.value(raw + h, label) - loss.value(raw - h, label)) / (2 * h);
        return Math.abs(numerical - loss.derivative(raw, label)) < 1e-7 * Math.max(1, Math.abs(numerical));
      }),
    );
  }
});

t.test('losses - logistic is the negative logarithm of the probability of the label', async (t) => {
  fc.assert(
    fc.property(anyRaw, fc.constantFrom(0, 1), (raw, label) => {
      const chance = label === 1 ? sigmoid(raw) : sigmoid(-raw);
      return Math.abs(losses.logistic.value(raw, label) + Math.log(chance)) < 1e-8;
    }),
  );
  t.equal(losses.logistic.value(0, 1), Math.LN2);
  t.equal(losses.logistic.link(0), 0.5);
});

t.test('losses - the ends are finite and right', async (t) => {
  const { value, derivative, link } = losses.logistic;
  for (const far of [40, 800, 1e6, 3.4e38]) {
    t.equal(value(far, 0), far, 'a sure mistake costs its logit');
    t.equal(value(-far, 1), far);
    t.ok(value(far, 1) >= 0 && value(far, 1) < 1e-16);
    t.equal(derivative(far, 0), 1);
    t.equal(derivative(far, 1), 0);
    t.equal(link(far), 1);
    t.ok(link(-far) >= 0 && link(-far) < 1e-16);
    t.equal(derivative(-far, 1), link(-far) - 1);
  }
  t.equal(sigmoid(-700) > 0, true, 'small, not lost');
  t.ok(value(-40, 0) > 0, 'small, not lost');
  t.equal(losses.squared.derivative(3, 1), 4);
  t.equal(losses.squared.value(-(2 ** 100), 0), 2 ** 200);
  t.equal(losses.squared.link(7), 7);
});

t.test('losses - the sigmoid rises, and mirrors', async () => {
  fc.assert(
    fc.property(anyRaw, anyRaw, (left, right) => {
      if (left < right && sigmoid(left) > sigmoid(right)) return false;
      return Math.abs(sigmoid(left) + sigmoid(-left) - 1) < 1e-15;
    }),
  );
});
