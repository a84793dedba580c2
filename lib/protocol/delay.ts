/** How long to wait, as pure functions of a random number in [0, 1). */

const JITTER = 0.2;

/**
 * Exponential backoff: `firstMs`, doubling, less up to 20 % at random. So the maximum is never
 * exceeded, and a crowd that has reached it stays spread.
 */
export function backoffMs(
  failures: number,
  maxMs: number,
  random: number,
  firstMs = 1_000,
): number {
  const full = Math.min(firstMs * 2 ** Math.min(failures, 30), maxMs);
  return full * (1 - JITTER * random);
}

/** The number of candidates to assume if it is unknown. With 3 or with 100, few of them collide. */
export const ASSUMED_CANDIDATES = 10;

/** So few candidates cost less than any wait that would thin them out. */
const FREE_FOR_ALL = 5;

/**
 * When to act on an event that `crowd` candidates see at the same moment, if the first to act makes
 * it needless for the others. Exponentially more of them draw late than early: the few early ones
 * act, the others see it and stand down (Nonnenmacher and Biersack, "Scalable feedback for large
 * groups", 1999). The window grows with the crowd, because watch events take longer to reach all of
 * it.
 */
export function suppressionDelayMs(candidateCount: number, random: number): number {
  if (candidateCount <= FREE_FOR_ALL) return 0;
  const window = 5 * candidateCount ** 0.75;
  const skew = Math.log(candidateCount) + 1;
  return (window / skew) * Math.log(1 + random * (Math.exp(skew) - 1));
}

/** Spreads reads that are not urgent, so that a crowd does not do them all at once. */
export function staggerMs(candidateCount: number, random: number): number {
  return candidateCount <= FREE_FOR_ALL ? 0 : 5 * candidateCount * random;
}
