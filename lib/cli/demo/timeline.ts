import { type Line, type Look, type Piece, ms, piece } from './screen.ts';

/** What a process did, or what was done to it. */
export interface Entry {
  readonly event: string;
  readonly pod: string;
  /** One process; a container that restarts is another. */
  readonly run: string;
  readonly atMs: number;
  /** Why it waits. */
  readonly reason?: string;
}

/** Something that happens to the leader. */
export interface Mark {
  readonly number: number;
  readonly atMs: number;
  /** When another Pod led, and how long that took; missing if none had to. */
  readonly handover?: { readonly atMs: number; readonly tookMs: number } | undefined;
}

const WIDTH = 80;
const MARGIN = '  ';
const LABEL = 10;

/** How the states of a Pod's process are drawn. */
const CELLS = {
  starts: piece('·', 'starts'),
  waits: piece('░', 'waits'),
  leads: piece('█', 'leads'),
  down: piece('╌', 'down'),
  apart: piece('┄', 'down'),
  killed: piece('╳', 'end'),
  released: piece('○', 'end'),
  none: piece(' '),
} as const satisfies Readonly<Record<string, Piece>>;

type Cell = keyof typeof CELLS;

/**
 * A picture of who led when: time goes to the right, each Pod has a lane. It is drawn up to `nowMs`,
 * by default to its end.
 */
export function timeline(
  entries: readonly Entry[],
  acts: readonly Mark[],
  endMs: number,
  nowMs = endMs,
): Line[] {
  const scale = new Scale(endMs, WIDTH - MARGIN.length - LABEL);
  const pods = [...new Set(entries.map(({ pod }) => pod))].sort();
  const lanes = pods.map((pod) => lane(pod, entries, scale, nowMs));
  return [
    scale.row(
      'act',
      'act',
      acts.map(({ atMs, number }) => ({ atMs, text: String(number) })),
    ),
    ...pods.map((pod, index) => [piece(label(pod)), ...(lanes[index] ?? []).map(pieceOf)]),
    scale.row('time', 'aside', scale.ticks()),
    scale.row(
      'handover',
      'plain',
      acts.flatMap(({ handover }) =>
        handover ? [{ atMs: handover.atMs, text: ms(handover.tookMs) }] : [],
      ),
    ),
    [],
    legend(new Set(lanes.flat())),
  ];
}

function pieceOf(cell: Cell): Piece {
  return CELLS[cell];
}

/** What the cells that there are mean. */
function legend(drawn: ReadonlySet<Cell>): Line {
  const words: [Cell, string][] = [
    ['leads', 'leads'],
    ['waits', 'waits'],
    ['starts', 'starts'],
    ['down', 'restarts'],
    ['apart', 'cut off'],
    ['killed', 'killed'],
    ['released', 'released'],
  ];
  return [
    piece(label('')),
    ...words
      .filter(([cell]) => drawn.has(cell))
      .flatMap(([cell, word]) => [CELLS[cell], piece(` ${word}   `, 'aside')]),
  ];
}

function lane(pod: string, entries: readonly Entry[], scale: Scale, nowMs: number): Cell[] {
  const own = entries
    .filter((entry) => entry.pod === pod)
    .filter(({ event, reason }) => event !== 'waiting' || reason === 'held')
    .sort((a, b) => a.atMs - b.atMs);
  const cells = scale.middles.map((atMs) => (atMs > nowMs ? 'none' : cellAt(own, atMs)));
  for (const { event, run, atMs } of own) {
    const released = own.find((entry) => entry.run === run && entry.event === 'releasing');
    if (event === 'gone' && !released) cells[scale.column(atMs)] = 'killed';
    if (event === 'releasing') cells[scale.column(atMs)] = 'released';
  }
  return cells;
}

/** What a Pod's process did at a moment. */
function cellAt(own: readonly Entry[], atMs: number): Cell {
  const last = own.findLast((entry) => entry.atMs <= atMs && entry.event in STATES);
  if (last?.event === 'start' && last.run !== own[0]?.run) return 'down';
  if (last?.event === 'gone') return own.at(-1)?.run === last.run ? 'none' : 'down';
  return STATES[last?.event ?? 'gone'] ?? 'none';
}

const STATES: Readonly<Record<string, Cell>> = {
  start: 'starts',
  waiting: 'waits',
  leading: 'leads',
  heartbeat: 'leads',
  releasing: 'none',
  lost: 'apart',
  gone: 'none',
};

function label(text: string): string {
  return MARGIN + text.padEnd(LABEL);
}

/** Turns time into columns. */
class Scale {
  readonly #endMs: number;
  readonly #columns: number;

  constructor(endMs: number, columns: number) {
    this.#endMs = endMs;
    this.#columns = columns;
  }

  /** The middle of each column, as a moment. */
  get middles(): number[] {
    const stepMs = this.#endMs / this.#columns;
    return Array.from({ length: this.#columns }, (_, column) => (column + 0.5) * stepMs);
  }

  column(atMs: number): number {
    return Math.min(Math.floor((atMs / this.#endMs) * this.#columns), this.#columns - 1);
  }

  /** Whole seconds, as many as there is room for. */
  ticks(): { atMs: number; text: string }[] {
    const seconds = this.#endMs / 1000;
    const step = Math.max(1, Math.ceil((seconds * 8) / this.#columns));
    return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => ({
      atMs: index * step * 1000,
      text: `${index * step} s`,
    }));
  }

  /** Texts where their moments are, or a little to the right where there is no room. */
  row(name: string, look: Look, marks: readonly { atMs: number; text: string }[]): Line {
    let row = '';
    for (const { atMs, text } of marks) {
      const column = Math.min(this.column(atMs), this.#columns - text.length);
      row = row.padEnd(Math.max(column, row === '' ? 0 : row.length + 1)) + text;
    }
    return [piece(label(name), 'aside'), piece(row, look)];
  }
}
