import type { Entry } from '../lease-fleet/journal.ts';
import type { Trouble } from './trouble.ts';

interface Line {
  readonly atMs: number;
  readonly text: string;
}

/** What happened lately, without the acts, for whoever waits in vain. */
export function storyOf(entries: readonly Entry[]): string {
  return render(entries.flatMap(toLine).slice(-40), entries[0]?.atMs ?? 0);
}

/** What was said and done around a time, and the troubles of that time, as a person reads it. */
export function timelineOf(
  entries: readonly Entry[],
  troubles: readonly Trouble[],
  atMs: number,
  originMs: number,
): string {
  const [beforeMs, afterMs] = [20_000, 10_000];
  const isNear = (line: { readonly atMs: number }) =>
    atMs - beforeMs <= line.atMs && line.atMs <= atMs + afterMs;
  const lines = [
    ...entries.filter(isNear).flatMap(toLine),
    ...troubles.flatMap(({ kind, target, fromMs, toMs }) => [
      { atMs: fromMs, text: `  >>> ${kind}: ${target}` },
      { atMs: toMs, text: `  <<< ${kind}: ${target}` },
    ]),
    { atMs, text: '  !!! here' },
  ].filter(isNear);
  const active = troubles
    .filter(({ fromMs, toMs }) => fromMs < atMs - beforeMs && atMs - beforeMs <= toMs)
    .map(({ kind, target, fromMs }) => `${stamp(fromMs - originMs)}   >>> ${kind}: ${target}\n`);
  return `${active.join('')}${render(
    lines.toSorted((a, b) => a.atMs - b.atMs),
    originMs,
  )}`;
}

/** Of acts only the first and, before whatever comes next, the last. */
function toLine(entry: Entry, index: number, all: readonly Entry[]): Line[] {
  const { event, identity, atMs, signal, code, reason, leader, message } = entry;
  if (event === 'act') {
    const next = all.slice(index + 1, index + 50).find((later) => later.identity === identity);
    if (next?.event === 'act') return [];
  }
  const details = [signal, code, reason, leader, message?.split('\n')[0]];
  const told = details.filter((detail) => detail !== undefined && detail !== null && detail !== '');
  return [{ atMs, text: [identity.padEnd(12), event, ...told].join(' ') }];
}

function render(lines: readonly Line[], originMs: number): string {
  return lines.map(({ atMs, text }) => `${stamp(atMs - originMs)} ${text}`).join('\n');
}

export function stamp(ms: number): string {
  const seconds = (ms / 1_000).toFixed(3);
  return `${seconds.padStart(10)} s`;
}
