/** A command line of Vowpal Wabbit as its options, each with its values in their order. */

/** Options without a value. */
const switches = new Set(
  [
    'k c t invariant normalized adaptive sgd holdout_off noconstant ftrl pistol coin permutations',
    'leave_duplicate_interactions json chain_hash cache predict_only_model preserve_performance_counters',
    'dont_output_best_constant onethread probabilities scores freegrad cb_adf dropout',
  ].flatMap((line) => line.split(' ')),
);

const longNames: Readonly<Record<string, string>> = {
  l: 'learning_rate',
  q: 'quadratic',
  b: 'bit_precision',
  P: 'progress',
};

export type VwOptions = ReadonlyMap<string, readonly string[]>;

export function optionsOf(commandLine: string): VwOptions {
  const options = new Map<string, string[]>();
  const words = commandLine.trim().split(/\s+/);
  for (let at = 0; at < words.length; at++) {
    const [word, attached] = words[at]!.split('=');
    if (!word!.startsWith('-') || isNumber(word!)) throw new Error(`${word} belongs to no option`);
    const short = word!.replace(/^-+/, '');
    const name = longNames[short] ?? short;
    const values = options.get(name) ?? [];
    options.set(name, values);
    if (attached !== undefined) values.push(attached);
    else if (!switches.has(name)) values.push(words[++at] ?? '');
  }
  return options;
}

const isNumber = (word: string): boolean => Number.isFinite(Number(word));

export const numberOf = (options: VwOptions, name: string): number | undefined => {
  const value = options.get(name)?.at(-1);
  return value === undefined ? undefined : Number(value);
};
