import { systemClock } from '../platform/clock.ts';

/** One line for each row below the titles, in aligned columns. An empty cell is shown as `-`. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, ...rows.map((row) => row.map((cell) => cell || '-'))];
  const widths = titles.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines.map((line) => `${aligned(line, widths)}\n`).join('');
}

/** One line in columns of these widths. */
export function aligned(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('   ')
    .trimEnd();
}

/** How long ago a moment was, as kubectl says it: `45s`, `3m`, `5h`, `2d`. The future is `0s`. */
export function age(since: Date | undefined): string {
  if (since === undefined || Number.isNaN(since.getTime())) return '';
  return shortDuration(Math.max(systemClock.date().getTime() - since.getTime(), 0));
}

/** The same for a duration; negative ones have a sign. */
export function shortDuration(ms: number): string {
  const sign = ms < 0 ? '-' : '';
  const seconds = Math.floor(Math.abs(ms) / 1_000);
  if (seconds < 120) return `${sign}${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${sign}${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${sign}${hours}h` : `${sign}${Math.floor(hours / 24)}d`;
}
