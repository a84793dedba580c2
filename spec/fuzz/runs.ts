import fc from 'fast-check';
import { expect, test } from 'vitest';

/** More of them with `FUZZ_RUNS=N`, which multiplies; other values with `FUZZ_SEED=N`. */
const factor = Number(process.env['FUZZ_RUNS'] ?? 1);

/** How long a test may take on a machine that is shared: by far longer than it needs. */
const PATIENCE_MS = 600_000 * Math.max(1, factor);

/** A test that something holds for all values: it tries `count` of them in an ordinary run. */
export function property<Values extends unknown[]>(
  title: string,
  count: number,
  arbitraries: { readonly [Key in keyof Values]: fc.Arbitrary<Values[Key]> },
  holds: (...values: Values) => unknown,
  examples: readonly Values[] = [],
): void {
  const values = fc.tuple(...arbitraries) as fc.Arbitrary<Values>;
  const tried = fc.asyncProperty(values, (drawn) => withoutAftermath(() => holds(...drawn)));
  const numRuns = Math.max(1, Math.round(count * factor));
  test(title, { timeout: PATIENCE_MS }, async () => {
    await fc.assert(tried, { numRuns, examples: examples.map((example) => [example]) });
  });
}

const prototypes = [Object, Array, String, Number, Boolean, Function, Promise, Map, Error] as const;

/** Fails if an error escapes, or if a built-in prototype is not what it was. */
async function withoutAftermath(act: () => unknown): Promise<void> {
  const escaped: unknown[] = [];
  const note = (reason: unknown) => escaped.push(reason);
  const before = namesOfPrototypes();
  for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, note);
  try {
    await act();
    expect(escaped).toEqual([]);
    expect(namesOfPrototypes()).toEqual(before);
  } finally {
    for (const event of ['unhandledRejection', 'uncaughtException']) process.off(event, note);
  }
}

function namesOfPrototypes(): string[] {
  return prototypes.map(({ prototype }) => Object.getOwnPropertyNames(prototype).sort().join());
}
