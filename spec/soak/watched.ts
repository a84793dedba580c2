import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Course, End, Lap, Message, Order } from './course.ts';

/** How long a process with nothing to do may take to find that out. */
const EXIT_MS = 30_000;

/** How long a lap may take: nothing here is about how fast the machine is. */
const LAP_MS = 600_000;

/** What the engine learns of code is kept from the first time on: it neither grows nor is dropped. */
const FLAGS = [
  '--expose-gc',
  '--no-lazy-feedback-allocation',
  '--no-flush-bytecode',
  // That of counting objects.
  '--disable-warning=ExperimentalWarning',
];

/** Runs the process that is watched to its end; aborting kills it. */
export async function watch(
  order: Order,
  onLap: (lap: Lap) => void,
  signal: AbortSignal,
): Promise<Course> {
  const program = fileURLToPath(new URL('soaker.ts', import.meta.url));
  const child = spawn(process.execPath, [...FLAGS, program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  const exited = once(child, 'close') as Promise<[number | null, string | null]>;
  exited.catch(() => undefined);
  const laps: Lap[] = [];
  let warm: Lap | undefined;
  let end: End | undefined;
  let late: string | undefined;
  let limit: NodeJS.Timeout | undefined;
  const expect = (what: string, ms: number) => {
    clearTimeout(limit);
    limit = setTimeout(() => {
      late = `${what} did not come within ${ms} ms`;
      child.kill('SIGKILL');
    }, ms);
  };
  try {
    expect('the end of the warm-up', LAP_MS);
    for await (const line of createInterface({ input: child.stdout })) {
      const message = JSON.parse(line) as Message;
      if ('warm' in message) {
        warm = message.warm;
        onLap(warm);
        expect('the next lap', LAP_MS);
      } else if ('lap' in message) {
        laps.push(message.lap);
        onLap(message.lap);
        expect('the next lap', LAP_MS);
      } else {
        end = message.end;
        expect('its exit after all was done', EXIT_MS);
      }
    }
    const [code, name] = await exited;
    const exit = late ?? name ?? `code ${code}`;
    return { warm, laps, end, exit };
  } finally {
    clearTimeout(limit);
  }
}
