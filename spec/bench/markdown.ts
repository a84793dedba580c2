export type Table = readonly (readonly string[])[];

/** In Markdown, by the names that their marks in the page have. */
export type Tables = Readonly<Record<string, string>>;

/** The first row is the head. */
export function markdown([head = [], ...rows]: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
