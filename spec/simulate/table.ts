import type { Violation } from './check.ts';
import { letter } from './setting-words.ts';
import type { Column, Lane, Moment } from './story.ts';
import { time } from './transcript.ts';

/** Of a whole line. */
const MAX_WIDTH = 140;
const MAX_LINES = 4;
const GAP = '  ';

const BARS: Readonly<Record<Lane, string>> = {
  absent: ' ',
  alive: '│',
  still: '┊',
  leads: '┃',
  'leads still': '┇',
};

/** Moments that fit beside each other, in one row. */
interface Row {
  readonly atMs: number | undefined;
  readonly cells: Map<Column, string>;
  lanes: readonly Lane[];
  readonly isAcross: boolean;
}

/** What a table shows. */
export interface Told {
  /** One for each candidate. */
  readonly slots: readonly unknown[];
  readonly moments: readonly Moment[];
  readonly violations: readonly Violation[];
}

/** Who did what when: a column for each candidate, for the cluster, and for the world. */
export function table({ slots, moments, violations }: Told): string[] {
  const used = [...slots.keys()].filter((slot) => moments.some(({ column }) => column === slot));
  const columns: readonly Column[] = ['world', ...used, 'cluster'];
  const rows = rowsOf(moments);
  const times = rows.map(({ atMs }) => timeWords(atMs));
  const timeWidth = Math.max(5, ...times.map((text) => text.length), 'violated ▶'.length);
  const heads = columns.map((column) => headOf(column));
  const widths = fit(
    columns.map(
      (column, index) =>
        Math.max(
          (heads[index] ?? '').length,
          ...rows.map(({ cells }) => (cells.get(column) ?? '').length),
          4,
        ) + (typeof column === 'number' ? 2 : 0),
    ),
    MAX_WIDTH - timeWidth - GAP.length * columns.length,
  );
  const sheet: Sheet = { columns, widths, timeWidth };
  const width = timeWidth + widths.reduce((sum, each) => sum + each + GAP.length, 0);
  const lines = rows.flatMap((row, index) => {
    if (row.isAcross) return [across(row, timeWidth, width)];
    // Told once: what follows happened at the same moment, in that order.
    const isSame = row.atMs !== undefined && times[index] === times[index - 1];
    return draw(row, isSame ? '' : timeWords(row.atMs), sheet);
  });
  const head = [' '.repeat(timeWidth), ...heads.map((text, i) => text.padEnd(widths[i] ?? 0))];
  return [
    head.join(GAP).trimEnd(),
    '─'.repeat(width),
    ...lines,
    ...violations.map((violation) => mark(violation, timeWidth)),
    ...(lines.length > 0 ? [KEY] : []),
  ];
}

const KEY =
  '(│ is there, ┃ leads, ┊ ┇ stands still; ⋮ in the meantime; → asks, ← is answered, @ version, # transitions)';

interface Sheet {
  readonly columns: readonly Column[];
  readonly widths: readonly number[];
  readonly timeWidth: number;
}

function headOf(column: Column): string {
  return typeof column === 'number' ? `${letter(column)}: pod-${column}` : column;
}

function timeWords(atMs: number | undefined): string {
  return atMs === undefined ? '⋮' : time(atMs);
}

/** Never puts a moment above an earlier one. */
function rowsOf(moments: readonly Moment[]): Row[] {
  const rows: Row[] = [];
  for (const { atMs, column, text, lanes, isAcross = false } of moments) {
    const last = rows.at(-1);
    if (last && !last.isAcross && !isAcross && last.atMs === atMs && !last.cells.has(column)) {
      last.cells.set(column, text);
      last.lanes = lanes;
    } else rows.push({ atMs, cells: new Map([[column, text]]), lanes, isAcross });
  }
  return rows;
}

/** Takes from the widest column for as long as all are too wide together. */
function fit(natural: readonly number[], total: number): number[] {
  const widths = [...natural];
  while (widths.reduce((sum, width) => sum + width, 0) > total) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 1) - 1;
  }
  return widths;
}

function across({ atMs, cells }: Row, timeWidth: number, width: number): string {
  const text = `${timeWords(atMs).padStart(timeWidth)}${GAP}── ${[...cells.values()].join()} `;
  return text.padEnd(width, '─');
}

function draw(row: Row, when: string, { columns, widths, timeWidth }: Sheet): string[] {
  const wrapped = columns.map((column, index) => {
    const width = (widths[index] ?? 0) - (typeof column === 'number' ? 2 : 0);
    return wrap(row.cells.get(column) ?? '', width);
  });
  const height = Math.max(1, ...wrapped.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) => {
    const start = (line === 0 ? when : '').padStart(timeWidth);
    const cells = columns.map((column, index) => {
      const text = wrapped[index]?.[line] ?? '';
      const bar = typeof column === 'number' ? `${BARS[row.lanes[column] ?? 'absent']} ` : '';
      return `${bar}${text}`.padEnd(widths[index] ?? 0);
    });
    return [start, ...cells].join(GAP).trimEnd();
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  // A number stays with its unit.
  let rest = text.replace(/(\d) (m?s)\b/g, '$1\u00a0$2');
  while (rest.length > width && lines.length < MAX_LINES - 1) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > width / 3 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  const last = rest.length > width ? `${rest.slice(0, width - 1)}…` : rest;
  return [...lines, last].map((line) => line.replaceAll('\u00a0', ' '));
}

function mark({ atMs, text }: Violation, timeWidth: number): string {
  return `${'violated ▶'.padStart(timeWidth)}${GAP}${time(atMs)}  ${text}`;
}
