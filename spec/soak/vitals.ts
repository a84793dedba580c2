import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { queryObjects } from 'node:v8';

/** What a process holds on to. */
export interface Vitals {
  /** Bytes, after all garbage has been collected. */
  readonly heap: number;
  readonly external: number;
  /** How many there are, functions and promises among them: unlike bytes, the engine adds none. */
  readonly objects: number;
  /** Descriptors that are open: those of sockets, too, which need not keep the process alive. */
  readonly files: number;
  /** What keeps the process alive: how many of each kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Listeners to the signal that every call was given. */
  readonly listeners: number;
}

/** Sockets take a moment to close; whatever is there after this stays. */
const PATIENCE_MS = 30_000;
const POLL_MS = 20;

/** Its own pipes to whoever started it. */
const OWN = new Set(['PipeWrap', 'TTYWrap', 'FileHandle']);

/** Waits until nothing is left but so many of each kind, for some time at most. */
export async function vitals(
  signal: AbortSignal,
  expected: Readonly<Record<string, number>>,
): Promise<Vitals> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline && !isWithin(resources(), expected)) await sleep(POLL_MS);
  // What is collected first may let go of more by what runs then: finalizers, the next turn.
  for (let time = 0; time < 4; time += 1) {
    collect();
    await sleep(POLL_MS);
  }
  // Collects first.
  const objects = queryObjects(Object, { format: 'count' });
  const { heapUsed, external } = process.memoryUsage();
  return {
    heap: heapUsed,
    external,
    objects,
    files: readdirSync('/proc/self/fd').length,
    resources: resources(),
    listeners: getEventListeners(signal, 'abort').length,
  };
}

export function isWithin(
  found: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): boolean {
  return Object.entries(found).every(([kind, count]) => count <= (expected[kind] ?? 0));
}

export function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (!OWN.has(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function collect(): void {
  if (!globalThis.gc) throw new Error('run node with --expose-gc');
  globalThis.gc();
}
