import type { Entry } from '../lab/journal.ts';
import { linesOf, render, stamp } from '../lab/story.ts';
import type { Trouble } from './trouble.ts';

const BEFORE_MS = 20_000;
const AFTER_MS = 10_000;

/** What was said and done around a time, and the troubles of that time, as a person reads it. */
export function timelineOf(
  entries: readonly Entry[],
  troubles: readonly Trouble[],
  atMs: number,
  originMs: number,
): string {
  const fromMs = atMs - BEFORE_MS;
  const isNear = (line: { readonly atMs: number }) =>
    fromMs <= line.atMs && line.atMs <= atMs + AFTER_MS;
  const lines = [
    ...linesOf(entries.filter(isNear)),
    ...troubles.flatMap(({ kind, target, ...span }) => [
      { atMs: span.fromMs, text: `  >>> ${kind}: ${target}` },
      { atMs: span.toMs, text: `  <<< ${kind}: ${target}` },
    ]),
    { atMs, text: '  !!! here' },
  ].filter(isNear);
  const active = troubles
    .filter((trouble) => trouble.fromMs < fromMs && fromMs <= trouble.toMs)
    .map((own) => `${stamp(own.fromMs - originMs)}   >>> ${own.kind}: ${own.target}\n`);
  const ordered = lines.toSorted((a, b) => a.atMs - b.atMs);
  return `${active.join('')}${render(ordered, originMs)}`;
}
