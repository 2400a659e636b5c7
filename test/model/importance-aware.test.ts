/** The closed forms against the differential equation that they solve. */
import fc from 'fast-check';
import t from 'tap';
import { lambertOfExp, logistic } from '../../src/model/losses/logistic.ts';
import { squared } from '../../src/model/losses/squared.ts';
import { lossFunction } from '../../src/model/losses.ts';
import { allLosses, labelsOf } from '../support/losses.ts';

const score = fc.double({ min: -4, max: 4, noNaN: true });
const time = fc.double({ min: 0.01, max: 4, noNaN: true });
const sensitivity = fc.double({ min: 0.01, max: 4, noNaN: true });

/** The slope of these is broken at the label or the margin, where a step of the plain method swings about it. */
const broken: ReadonlySet<string> = new Set(['hinge', 'quantile']);

for (const config of allLosses) {
  const rule = lossFunction(config);
  const { derivative } = rule;
  const label = labelsOf(rule);
  const name = JSON.stringify(config);

  /** Goal: du/dt = -l'(p + u s). Method: Runge and Kutta's fourth-order steps, many of them where it is steep. */
  t.test(`${name} - follows the loss's own slope`, async () => {
    const property = fc.property(score, label, time, sensitivity, (p, y, h, s) => {
      const slope = (u: number) => -derivative(p + u * s, y);
      const steps = rule.name === 'poisson' ? 4000 : 400;
      const step = h / steps;
      let u = 0;
      for (let i = 0; i < steps; i++) {
        const a = slope(u);
        const b = slope(u + (step / 2) * a);
        const c = slope(u + (step / 2) * b);
        const d = slope(u + step * c);
        u += (step / 6) * (a + 2 * b + 2 * c + d);
      }
      const swing = broken.has(rule.name) ? 2 * step : 2e-5 * Math.max(0.01, Math.abs(u));
      return Math.abs(rule.update(p, y, h, s) - u) <= swing;
    });
    fc.assert(property, { numRuns: 200 });
  });

  t.test(`${name} - a weight of two is like the event twice`, async () => {
    const property = fc.property(score, label, time, sensitivity, (p, y, h, s) => {
      const once = rule.update(p, y, h, s);
      const twice = once + rule.update(p + once * s, y, h, s);
      return Math.abs(rule.update(p, y, 2 * h, s) - twice) <= 2e-5 * Math.max(0.01, Math.abs(twice));
    });
    fc.assert(property);
  });

  t.test(`${name} - a step too small to bend is the plain gradient step`, async () => {
    const property = fc.property(score, label, (p, y) => {
      // Nearer than that the step ends at the label.
      fc.pre(p !== y && (!broken.has(rule.name) || Math.abs(p - rule.target(y)) > 1e-6));
      const u = rule.update(p, y, 1e-9, 1);
      return Math.abs(u + 1e-9 * derivative(p, y)) <= 1e-9 * 1e-4;
    });
    fc.assert(property);
  });

  t.test(`${name} - the square of the derivative`, async () => {
    const property = fc.property(score, label, (p, y) => {
      const wanted = derivative(p, y) ** 2;
      return Math.abs(rule.squaredDerivative(p, y) - wanted) <= 1e-12 * Math.max(1, wanted);
    });
    fc.assert(property);
  });
}

t.test('logistic - where the score is sure, a step is tiny and never noise', async (t) => {
  for (const p of [12, 20, 35, 50]) {
    const u = logistic.update(p, 1, 0.5, 3);
    const plain = 0.5 / (1 + Math.exp(p));
    t.ok(Math.abs(u - plain) <= 1e-3 * plain, `${u} at ${p}, the plain step is ${plain}`);
  }
});

t.test('squared - however long, a step ends at the label and not beyond', async (t) => {
  const { update } = squared;
  for (const h of [1, 10, 1e6]) {
    const after = 3 + 2 * update(3, 7, h, 2);
    t.ok(after <= 7 && after > 6.9, `${after}`);
  }
});

t.test("Lambert's W(e^x)", async () => {
  const property = fc.property(fc.double({ min: -20, max: 100, noNaN: true }), (x) => {
    const w = lambertOfExp(x);
    // W e^W = e^x, in logarithms.
    return Math.abs(Math.log(w) + w - x) < 1e-12 * Math.max(1, Math.abs(x));
  });
  fc.assert(property);
});
