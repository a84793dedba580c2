import type { Entry } from './journal.ts';

/** An entry of a made-up journal: each candidate is one process. */
export function said(
  pod: string,
  event: Entry['event'],
  atMs: number,
  more: Partial<Entry> = {},
): Entry {
  return { event, pod, uid: pod, run: more.uid ?? pod, atMs, time: atMs, ...more };
}

/** It led all that time. */
export function led(
  pod: string,
  fromMs: number,
  toMs: number,
  more: Partial<Entry> = {},
): readonly Entry[] {
  return [said(pod, 'leading', fromMs, more), said(pod, 'heartbeat', toMs, more)];
}
