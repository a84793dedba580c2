import { globSync } from 'node:fs';

/** How far off a candidate's wall clock is, and what makes it so. */
export interface WallClock {
  readonly offsetMs: number;
  /** For programs that ask libc for the time, as Node.js does and Go does not. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Where Debian's and Ubuntu's package `faketime` has it, for programs with threads. */
const LIBRARY = '/usr/lib/*/faketime/libfaketimeMT.so.1';

/**
 * A wall clock that is off by so much and goes at that rate. The monotonic clock is left alone: it is
 * the one that the journal and the library go by.
 */
export function wallClock(offsetMs: number, rate = 1): WallClock {
  const [library] = globSync(LIBRARY);
  if (library === undefined) throw new Error(`libfaketime is missing: ${LIBRARY}`);
  const offset = `${offsetMs < 0 ? '-' : '+'}${Math.abs(offsetMs) / 1_000}`;
  return {
    offsetMs,
    environment: {
      LD_PRELOAD: library,
      FAKETIME: rate === 1 ? offset : `${offset} x${rate}`,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
  };
}

/** Why there are no shifted clocks on this machine; undefined where there are. */
export function whyNoShiftedClocks(): string | undefined {
  if (globSync(LIBRARY).length > 0) return undefined;
  return 'shifted clocks need libfaketime: install it (Debian: `apt-get install faketime`)';
}
