import { readFileSync, readdirSync } from 'node:fs';

/** The processes of this machine that have such a variable in their environment, except this one. */
export function processesWith(isSuch: (variable: string) => boolean): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => environmentOf(entry).some(isSuch))
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
