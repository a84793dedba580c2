import type { Segment } from './ledger.ts';
import type { World } from './world.ts';

const ROW = 26;
const LABEL = 58;
/** Room for what was done. */
const TOP = 22;
const AXIS = 20;
/** The oldest that is drawn. */
const MAX_SPAN_MS = 120_000;
const MIN_SPAN_MS = 20_000;

const WORDS = {
  starts: 'starts',
  waits: 'waits',
  leads: 'leads',
  restarts: 'restarts',
  evicted: 'evicted',
  gone: 'gone',
} as const;

/** What a segment means, in words. */
export function wordsOf(segment: Omit<Segment, 'fromMs' | 'toMs'>): string {
  const { state, isStopped, isCutOff, isTerminating } = segment;
  const more = [isStopped && 'stopped', isCutOff && 'cut off', isTerminating && 'terminating'];
  return [WORDS[state], ...(state === 'gone' ? [] : more.filter(Boolean))].join(', ');
}

/** Time goes to the right, each Pod has a lane. */
export function timeline(world: World, width: number, endMs = 0): string {
  const { segments, overlaps } = world.ledger;
  const spanMs = Math.min(Math.max(world.nowMs, endMs, MIN_SPAN_MS), MAX_SPAN_MS);
  const fromMs = Math.max(world.nowMs - spanMs, 0);
  const scale = (width - LABEL - 4) / spanMs;
  const x = (ms: number) => round(LABEL + (Math.max(ms, fromMs) - fromMs) * scale);
  const lanes = [...segments].filter(
    ([, own]) => own.at(-1)?.state !== 'gone' || (own.at(-1)?.fromMs ?? 0) > fromMs,
  );
  const bottom = TOP + lanes.length * ROW;
  const bands = overlaps
    .filter(({ toMs }) => toMs >= fromMs)
    .map(({ fromMs: from, toMs }) => {
      const [start, end] = [x(from), Math.max(x(toMs), x(from) + 2)];
      return `<rect class="overlap" x="${start}" y="${TOP - 4}" width="${round(end - start)}" height="${bottom - TOP + 4}"/>`;
    });
  const rows = lanes.map(([name, own], row) => {
    const y = TOP + row * ROW;
    const marks = world.replicas.find((replica) => replica.name === name)?.marks ?? [];
    return (
      `<text class="pod" x="0" y="${y + 16}">${name}</text>` +
      own
        .filter(({ toMs }) => toMs >= fromMs)
        .map((segment) => bar(segment, x, y))
        .join('') +
      marks
        .filter(({ atMs }) => atMs >= fromMs)
        .map(({ atMs, kind }) => mark(kind, x(atMs), y + 11))
        .join('')
    );
  });
  const cursor = `<line class="now" x1="${x(world.nowMs)}" x2="${x(world.nowMs)}" y1="${TOP - 4}" y2="${bottom}"/>`;
  const told = lanes.map(([name, own]) => `${name} ${own.map(wordsOf).at(-1) ?? ''}`).join('; ');
  return (
    `<svg role="img" aria-label="Timeline. Now: ${told}" width="${width}" height="${bottom + AXIS}" ` +
    `viewBox="0 0 ${width} ${bottom + AXIS}">${bands.join('')}${rows.join('')}${cursor}` +
    `${flags(world, fromMs, x, bottom)}${axis(fromMs, spanMs, x, bottom)}</svg>`
  );
}

function bar(segment: Segment, x: (ms: number) => number, y: number): string {
  const { state, fromMs, toMs, isStopped, isCutOff, isTerminating } = segment;
  if (state === 'gone') return '';
  const [start, width] = [x(fromMs), Math.max(round(x(toMs) - x(fromMs)), 0.5)];
  const height = state === 'leads' ? 16 : 6;
  const classes = [state, isStopped && 'stopped', isCutOff && 'cut'].filter(Boolean).join(' ');
  const top = y + 11 - height / 2;
  const title = `<title>${wordsOf(segment)}, from ${seconds(fromMs)}</title>`;
  const ending = isTerminating
    ? `<rect class="terminating" x="${start}" y="${y + 20}" width="${width}" height="2"/>`
    : '';
  return `<rect class="${classes}" x="${start}" y="${top}" width="${width}" height="${height}">${title}</rect>${ending}`;
}

function mark(kind: 'killed' | 'released', x: number, y: number): string {
  return kind === 'released'
    ? `<circle class="released" cx="${x}" cy="${y}" r="5"><title>released</title></circle>`
    : `<path class="killed" d="M${x - 4} ${y - 5}l8 10m0 -10l-8 10"><title>killed</title></path>`;
}

/** What was done, when; words that would overlap are left to the pointer. */
function flags(world: World, fromMs: number, x: (ms: number) => number, bottom: number): string {
  let freeFrom = 0;
  return world.happenings
    .filter(({ atMs }) => atMs >= fromMs)
    .map(({ atMs, text }) => {
      const at = x(atMs);
      const line = `<line class="flag" x1="${at}" x2="${at}" y1="4" y2="${bottom}"><title>${text}</title></line>`;
      if (at < freeFrom) return line;
      freeFrom = at + text.length * 7 + 10;
      return `${line}<text class="flag" x="${at + 4}" y="13">${text}</text>`;
    })
    .join('');
}

function axis(fromMs: number, spanMs: number, x: (ms: number) => number, y: number): string {
  const most = (x(fromMs + spanMs) - x(fromMs)) / 70;
  const stepMs = [2_000, 5_000, 10_000, 20_000].find((step) => spanMs / step <= most) ?? 30_000;
  const ticks: string[] = [];
  for (let ms = Math.ceil(fromMs / stepMs) * stepMs; ms <= fromMs + spanMs; ms += stepMs) {
    const isLast = ms + stepMs / 4 > fromMs + spanMs;
    const anchor = ms === 0 ? 'start' : isLast ? 'end' : 'middle';
    ticks.push(
      `<text class="tick" x="${x(ms)}" y="${y + 14}" text-anchor="${anchor}">${ms / 1_000} s</text>`,
    );
  }
  return ticks.join('');
}

export function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.ceil(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
