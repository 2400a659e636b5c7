/**
 * Click-like events from a seed: 12 categorical fields of skewed popularity, 8 numbers, and a label that a linear
 * model can learn part of. The same seed gives the same events on every machine.
 */
import type { LearnEvent } from '../src/index.ts';

/** Mulberry32 (Ettinger 2017): small, seeded, good enough for load. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const categoricals = 12;
const numbers = 8;

export function clickEvents(count: number, seed: number): LearnEvent[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => clickEvent(random));
}

function clickEvent(random: () => number): LearnEvent {
  const features: Record<string, string | number> = {};
  let logit = -1;
  for (let field = 0; field < categoricals; field++) {
    // A cubed uniform makes few values popular and many rare, as ids on the web are.
    const value = Math.floor(random() ** 3 * 10 ** (1 + (field % 4)));
    features[`field${field}`] = `value${value}`;
    logit += ((value * 7919 + field * 104729) % 11) / 11 - 0.5;
  }
  for (let number = 0; number < numbers; number++) {
    const value = random() * 2 - 1;
    features[`number${number}`] = value;
    logit += (value * (number - 3.5)) / 8;
  }
  return { features, label: random() < 1 / (1 + Math.exp(-logit)) ? 1 : 0 };
}
