import { performance } from 'node:perf_hooks';

/** Report takes one line that a person who waits may want to read. */
export type Report = (line: string) => void;

const HEARTBEAT_MS = 20_000;

/** stopwatch makes a Report that writes to stderr, each line led by the time since its making. */
export function stopwatch(): Report {
  const startedAt = performance.now();
  return (line) => {
    const elapsed = seconds(performance.now() - startedAt).padStart(8);
    process.stderr.write(`[${elapsed}] ${line}\n`);
  };
}

/** step reports the beginning and the end of `work`, and that it goes on while it takes long. */
export async function step<T>(report: Report, title: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const took = (): string => seconds(performance.now() - startedAt);
  report(`${title} ...`);
  const heartbeat = setInterval(() => report(`${title}: still at it, ${took()}`), HEARTBEAT_MS);
  try {
    const result = await work();
    report(`${title}: done in ${took()}`);
    return result;
  } finally {
    clearInterval(heartbeat);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
