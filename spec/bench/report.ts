import type { Panel } from './plot.ts';

/** The first row is the head. */
export type Table = readonly (readonly string[])[];

/** What was found in one situation, for people. */
export interface Report {
  readonly title: string;
  readonly notes?: readonly string[];
  readonly table: Table;
  readonly goals?: readonly Goal[];
  readonly panels?: readonly Panel[];
}

/** What was aimed at, and what was measured. */
export interface Goal {
  readonly what: string;
  readonly aim: string;
  readonly measured: string;
  readonly isMet: boolean;
}

type Unit = (value: number) => string;

/** There is no goal without an aim, nor without a measurement. */
function judge(word: string, isMet: (measured: number, aim: number) => boolean) {
  return (what: string, measured: number, aim: number | undefined, unit: Unit): Goal[] =>
    aim === undefined || Number.isNaN(measured)
      ? []
      : [
          {
            what,
            aim: `${word} ${unit(aim)}`,
            measured: unit(measured),
            isMet: isMet(measured, aim),
          },
        ];
}

export const atMost = judge('at most', (measured, aim) => measured <= aim);
export const atLeast = judge('at least', (measured, aim) => measured >= aim);

export function goalReport(goals: readonly Goal[]): Report {
  const rows = goals.map(({ what, aim, measured, isMet }) => {
    return [what, aim, measured, isMet ? 'met' : 'missed'];
  });
  return { title: 'Goals', table: [['', 'goal', 'measured', ''], ...rows] };
}

/** Lines of text: numbers to the right, all else to the left. */
export function format({ title, notes = [], table }: Report): string {
  const columns = (table[0] ?? []).map((_, column) => table.map((row) => row[column] ?? ''));
  const padded = columns.map(([head = '', ...cells]) => {
    const width = Math.max(...[head, ...cells].map(({ length }) => length));
    const isNumeric = cells.every((cell) =>
      /^(?:[\d.]+(?:, [\d.]+)?(?: [a-zA-Z]{1,2})?)?$/.test(cell),
    );
    return [head, ...cells].map((cell) => (isNumeric ? cell.padStart(width) : cell.padEnd(width)));
  });
  const lines = table.map((_, row) => padded.map((cells) => cells[row]).join('  '));
  return [title, ...notes.map((note) => `  ${note}`), '', ...lines.map((l) => l.trimEnd())].join(
    '\n',
  );
}

export function markdown([head = [], ...rows]: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function times(value: number): string {
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} times`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

export function minimum(values: readonly number[]): number {
  return values.length > 0 ? Math.min(...values) : NaN;
}

export function maximum(values: readonly number[]): number {
  return values.length > 0 ? Math.max(...values) : NaN;
}

/** The cells below `spanHead`. */
export function span(values: readonly number[]): string[] {
  return [minimum(values), median(values), maximum(values)].map(ms);
}

/** The cells below `tailHead`. */
export function tail(values: readonly number[]): string[] {
  return [median(values), quantile(values, 0.9), maximum(values)].map(ms);
}

export function tailHead(what: string): string[] {
  return [`${what}: median`, 'p90', 'max'];
}

/** The smallest value that is not exceeded by this share of all. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
}

export function spanHead(what = ''): string[] {
  return [`${what && `${what}: `}min`, 'median', 'max'];
}
