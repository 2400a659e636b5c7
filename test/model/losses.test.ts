import fc from 'fast-check';
import t from 'tap';
import { logistic, sigmoid } from '../../src/model/losses/logistic.ts';
import { squared } from '../../src/model/losses/squared.ts';
import { lossFunction } from '../../src/model/losses.ts';
import { allLosses, labelsOf } from '../support/losses.ts';

const anyRaw = fc.double({ min: -20, max: 20, noNaN: true });

t.test('losses - the derivative is what the values say', async () => {
  for (const config of allLosses) {
    const loss = lossFunction(config);
    // Of Poisson's the value is the deviance, twice what a step descends.
    const scale = loss.name === 'poisson' ? 2 : 1;
    fc.assert(
      fc.property(fc.double({ min: -9, max: 9, noNaN: true }), labelsOf(loss), (raw, label) => {
        const h = 1e-5;
        const [before, after] = [loss.derivative(raw - h, label), loss.derivative(raw + h, label)];
        // A kink is no place for a derivative.
        fc.pre(Math.abs(after - before) < 0.01 * Math.max(1, Math.abs(before)));
        const numerical = (loss.value(raw + h, label) - loss.value(raw - h, label)) / (2 * h);
        const wanted = scale * loss.derivative(raw, label);
        return Math.abs(numerical - wanted) < 1e-5 * Math.max(1, Math.abs(numerical));
      }),
    );
  }
});

t.test('losses - logistic is the negative logarithm of the probability of the label', async (t) => {
  fc.assert(
    fc.property(anyRaw, fc.constantFrom(0, 1), (raw, label) => {
      const chance = label === 1 ? sigmoid(raw) : sigmoid(-raw);
      return Math.abs(logistic.value(raw, label) + Math.log(chance)) < 1e-8;
    }),
  );
  t.equal(logistic.value(0, 1), Math.LN2);
  t.equal(logistic.link(0), 0.5);
});

t.test('losses - the ends are finite and right', async (t) => {
  const { value, derivative, link } = logistic;
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
  t.equal(squared.derivative(3, 1), 4);
  t.equal(squared.value(-(2 ** 100), 0), 2 ** 200);
  t.equal(squared.link(7), 7);
  const poisson = lossFunction('poisson');
  t.ok(
    Number.isFinite(poisson.link(3e38)) && Number.isFinite(poisson.value(3e38, 2)),
    'no reply holds infinity',
  );
});

t.test('losses - the sigmoid rises, and mirrors', async () => {
  fc.assert(
    fc.property(anyRaw, anyRaw, (left, right) => {
      if (left < right && sigmoid(left) > sigmoid(right)) return false;
      return Math.abs(sigmoid(left) + sigmoid(-left) - 1) < 1e-15;
    }),
  );
});
