import { readFileSync } from 'node:fs';

/** What a process has used, by its own account in /proc. */
export interface Usage {
  /** Of all its threads, by themselves and in the kernel. */
  readonly cpuMs: number;
  /** All that is resident, what it shares with other processes included. */
  readonly residentBytes: number;
  /** What would be free without it. */
  readonly ownBytes: number;
}

/** Linux counts in these for programs, even if its own ticks differ. */
const TICK_MS = 10;

export function usageOf(pid: number): Usage {
  return {
    cpuMs: parseCpuMs(readFileSync(`/proc/${pid}/stat`, 'utf8')),
    ...parseMemory(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')),
  };
}

/** From /proc/PID/stat. */
export function parseCpuMs(stat: string): number {
  // The program's name is in parentheses, and may contain any.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return (user + system) * TICK_MS;
}

/** From /proc/PID/smaps_rollup. */
export function parseMemory(rollup: string): Omit<Usage, 'cpuMs'> {
  const bytes = (key: string) => {
    const [, kilobytes] = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(rollup) ?? [];
    return Number(kilobytes) * 1_024;
  };
  return {
    residentBytes: bytes('Rss'),
    ownBytes: bytes('Private_Clean') + bytes('Private_Dirty'),
  };
}
