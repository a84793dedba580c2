import type { Play } from './play.ts';

/** A run for people. */
export function timeline(run: Play): string[] {
  return [...run.transcript];
}
