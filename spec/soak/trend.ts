export interface Sample {
  readonly x: number;
  readonly y: number;
}

/** By how much y grows with each x, and between what that is with a confidence of 95 %. */
export interface Trend {
  readonly slope: number;
  readonly low: number;
  readonly high: number;
}

/** The normal distribution's quantile for 95 %, both sides. */
const Z = 1.96;

/** A straight line by least squares. At least three samples are needed to tell how far off it is. */
export function trendOf(samples: readonly Sample[]): Trend {
  const { length } = samples;
  if (length < 3) throw new Error(`no trend can be told from ${length} samples`);
  const meanX = mean(samples.map(({ x }) => x));
  const meanY = mean(samples.map(({ y }) => y));
  const spread = sum(samples.map(({ x }) => (x - meanX) ** 2));
  if (spread === 0) throw new Error('all samples have the same x');
  const slope = sum(samples.map(({ x, y }) => (x - meanX) * (y - meanY))) / spread;
  const residues = sum(samples.map(({ x, y }) => (y - meanY - slope * (x - meanX)) ** 2));
  const freedom = length - 2;
  const margin = quantile(freedom) * Math.sqrt(residues / freedom / spread);
  return { slope, low: slope - margin, high: slope + margin };
}

/** Of Student's t distribution, by the expansion of Cornish and Fisher. */
function quantile(freedom: number): number {
  const second = (Z ** 3 + Z) / 4;
  const third = (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / 96;
  const fourth = (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / 384;
  return Z + second / freedom + third / freedom ** 2 + fourth / freedom ** 3;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
