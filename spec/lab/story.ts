import { type Entry, isAct } from './journal.ts';

export interface Line {
  readonly atMs: number;
  readonly text: string;
}

/** What happened lately, for those who wait in vain. */
export function storyOf(entries: readonly Entry[]): string {
  const lines = linesOf(entries.toSorted((a, b) => a.atMs - b.atMs));
  return render(lines.slice(-40), lines[0]?.atMs ?? 0);
}

/** Of acts only the first and the last, before what comes next. */
export function linesOf(entries: readonly Entry[]): Line[] {
  return entries.flatMap((entry, index) => {
    const { event, pod, run, atMs, signal, code, reason, holderPod, message } = entry;
    if (event === 'heartbeat' || event === 'renewed') {
      const next = entries.slice(index + 1, index + 50).find((later) => later.run === run);
      if (next && (isAct(next) || next.event === 'renewed')) return [];
    }
    const details = [signal, code, reason, holderPod, message?.split('\n')[0]];
    const told = details.filter((detail) => (detail ?? '') !== '');
    return [{ atMs, text: [pod.padEnd(12), event, ...told].join(' ') }];
  });
}

export function render(lines: readonly Line[], originMs: number): string {
  return lines.map(({ atMs, text }) => `${stamp(atMs - originMs)} ${text}`).join('\n');
}

export function stamp(ms: number): string {
  return `${(ms / 1_000).toFixed(3).padStart(10)} s`;
}
