import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What a process has used, by its own account in /proc. */
export interface Usage {
  /** Of all its threads, by themselves and in the kernel. */
  readonly cpuMs: number;
  /** All that is resident, what it shares with other processes included. */
  readonly residentBytes: number;
  /** What would be free without it. */
  readonly ownBytes: number;
}

export function usageOf(pid: number): Usage {
  return {
    cpuMs: cpuMsOf(`/proc/${pid}/task`),
    ...parseMemory(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')),
  };
}

/** In nanoseconds per thread, while /proc/PID/stat counts in ticks of 10 ms. */
function cpuMsOf(tasks: string): number {
  const threads = readdirSync(tasks).map((thread) => join(tasks, thread, 'schedstat'));
  return threads.reduce((total, path) => total + parseRunMs(readFileSync(path, 'utf8')), 0);
}

/** From /proc/PID/task/TID/schedstat. */
export function parseRunMs(schedstat: string): number {
  return Number(schedstat.split(' ')[0]) / 1_000_000;
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
