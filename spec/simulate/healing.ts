/** The most that any process's clock is slower than the world's. */
const SLOWEST = 0.5;

/** What the library may have begun to wait for in the trouble, one after the other, by its own clock. */
const waitsMs = [
  // A watch whose connection died unnoticed is opened again after this silence. Trouble is shorter,
  // so nobody has learned to be more patient.
  150_000,
  // The longest `maxBackoffMs` that is drawn, before a look or a try that failed is made again;
  60_000,
  // and once more where watches are held back for good: one look finds the lock free, and another one
  // the Pod ended that the next holder waits for.
  60_000,
  // The longest `Retry-After` that is drawn, and what is added to it so that not all come at once.
  20_000 * 1.2,
  // A request that was sent before all was mended is given up,
  10_000,
  // and what it may have created is in doubt for as long.
  10_000,
  // A lock outlives its holder for so long before candidates delete it.
  2_000,
] as const;

/** What the world does after it was mended, because it has begun to. */
const endsMs = [
  // The processes of a deleted Pod go on,
  30_000,
  // and its object stays after them.
  30_000,
  // Who was killed while it gave the lock up starts again.
  30_000,
  // So does who was told to begin anew, because he has rights again that he was refused.
  20_000,
  // Requests take up to two seconds; a dozen lead from a look to leadership.
  12 * 2_000,
] as const;

function sum(all: readonly number[]): number {
  return all.reduce((total, ms) => total + ms, 0);
}

/** How long after the world was mended somebody leads for life, even if every wait is at its longest. */
export const healingBoundMs = sum(waitsMs) / SLOWEST + sum(endsMs);
