import { readFileSync, readdirSync } from 'node:fs';

/** The processes of this machine that have this in their environment, but for this one. */
export function processesWith(variable: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => environmentOf(entry).includes(variable))
    .map(Number);
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    // It ended meanwhile, or is another user's.
    return [];
  }
}
