import type { Goal } from './goal.ts';
import type { Plot } from './plot.ts';

/** What one part of the benchmark found. */
export interface Report {
  readonly title: string;
  readonly notes: readonly string[];
  /** The first row is the head. */
  readonly table: readonly (readonly string[])[];
  /** For programs. */
  readonly data: unknown;
  readonly goals?: readonly Goal[];
  /** Its caption is the machine's. */
  readonly plot?: Omit<Plot, 'caption'>;
}

/** A report as lines of text: numbers to the right, all else to the left. */
export function format({ title, notes, table }: Report): string {
  const columns = (table[0] ?? []).map((_, column) => table.map((row) => row[column] ?? ''));
  const padded = columns.map(([head = '', ...cells]) => {
    const width = Math.max(...[head, ...cells].map(({ length }) => length));
    const isNumeric = cells.every((cell) =>
      /^(?:[\d.]+(?:, [\d.]+)?(?: [a-zA-Z]{1,2})?)?$/.test(cell),
    );
    return [head, ...cells].map((cell) => (isNumeric ? cell.padStart(width) : cell.padEnd(width)));
  });
  const lines = table.map((_, row) =>
    padded
      .map((cells) => cells[row])
      .join('  ')
      .trimEnd(),
  );
  return [title, ...notes.map((note) => `  ${note}`), '', ...lines].join('\n');
}

export function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** How a measurement stands to its goal: 1 is just met, and less is better. */
export function ratio(value: number, goal: number | undefined): string {
  return goal === undefined ? '' : (value / goal).toFixed(2);
}
