/**
 * Weights as they are stored: whole (f64, f32), or quantised to 16 bits (q2.13, f16). Quantised ones are divided by one
 * power of two for all, `scale`, 1 unless a weight is too large without it, and rounded to the nearest, halves to even.
 * So a weight is off by at most half a step, and a score by at most the sum of |value| times that.
 *
 *   q2.13   a 16-bit integer times scale / 8192: -4 to 4, in steps of scale / 8192
 *   f16     IEEE 754 binary16 times scale: steps of 1/1024 of the power of two below the weight, scale / 2^24 at least
 */
export type Quantization = 'q2.13' | 'f16';
export type WeightType = 'f64' | 'f32' | Quantization;
export type StoredWeights = Float64Array | Float32Array | Uint16Array | Int16Array;

interface Kind {
  readonly bytes: 2 | 4 | 8;
  /** Largest weight with scale 1. */
  readonly max: number;
  make(count: number): StoredWeights;
  /** What to store for a weight over scale, and the other way. */
  encode(weight: number): number;
  decode(stored: number): number;
  /** Half a step around a stored weight, over scale. */
  half(stored: number): number;
}

const unit = 8192;
const exact = { encode: (weight: number) => weight, decode: (stored: number) => stored, half: () => 0 };

export const weightKinds: Readonly<Record<WeightType, Kind>> = {
  f64: { bytes: 8, max: Number.MAX_VALUE, make: (count) => new Float64Array(count), ...exact },
  f32: { bytes: 4, max: Number.MAX_VALUE, make: (count) => new Float32Array(count), ...exact },
  'q2.13': {
    bytes: 2,
    max: 32_767 / unit,
    make: (count) => new Int16Array(count),
    encode: (weight) => roundEven(weight * unit),
    decode: (stored) => stored / unit,
    half: () => 0.5 / unit,
  },
  f16: {
    bytes: 2,
    max: 65_504,
    make: (count) => new Uint16Array(count),
    encode: halfFloatOf,
    decode: numberOf,
    half: (stored) => 2 ** (Math.max(1, (stored >>> 10) & 0x1f) - 26),
  },
};

/** The least power of two by which weights up to this size must be divided. */
export function scaleOf(type: WeightType, largest: number): number {
  let scale = 1;
  while (largest / scale > weightKinds[type].max) scale *= 2;
  return scale;
}

function roundEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Binary16: sign, 5 bits of exponent (0: no leading 1), 10 of fraction. */
function halfFloatOf(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Math.log2(size));
  // The rounded fraction carries into the exponent by itself.
  const steps = roundEven(size / 2 ** (exponent - 10));
  return sign | (steps + ((exponent + 14) << 10));
}

function numberOf(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}
