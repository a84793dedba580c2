import { readFileSync } from 'node:fs';

/** Whether the process runs; a zombie does not. */
export function runs(pid: string | undefined): boolean {
  if (!pid) return false;
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
