import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** What there is to show, and how it looks where there is colour. */
const STYLES = {
  plain: [],
  title: 'bold',
  act: ['bold', 'cyan'],
  leads: 'green',
  waits: 'gray',
  starts: 'gray',
  down: 'yellow',
  end: 'red',
  aside: 'gray',
  good: 'green',
  bad: ['bold', 'red'],
} as const satisfies Readonly<Record<string, Style>>;

export type Look = keyof typeof STYLES;

/** A piece of a line. */
export interface Piece {
  readonly text: string;
  readonly look: Look;
}

export type Line = readonly Piece[];

export function piece(text: string, look: Look = 'plain'): Piece {
  return { text, look };
}

/** The lines as text: in colour for a terminal, unless NO_COLOR is set. */
export function textOf(lines: readonly Line[], stream: NodeJS.WriteStream | undefined): string {
  const paint = ({ text, look }: Piece) =>
    // It looks at NO_COLOR, and at whether the stream is a terminal.
    look === 'plain' || !stream ? text : styleText([STYLES[look]].flat(), text, { stream });
  return lines.map((line) => `${joined(line).map(paint).join('')}\n`).join('');
}

/** The same line in as few pieces as it takes, without spaces at its end. */
function joined(line: Line): Line {
  const pieces: Piece[] = [];
  for (const { text, look } of line) {
    const last = pieces.at(-1);
    if (last?.look === look) pieces.splice(-1, 1, piece(last.text + text, look));
    else pieces.push({ text, look });
  }
  while (pieces.at(-1)?.text.trim() === '') pieces.pop();
  const last = pieces.pop();
  return last ? [...pieces, piece(last.text.trimEnd(), last.look)] : [];
}

/** A short time as people read it. */
export function ms(value: number): string {
  if (value >= 1000) return seconds(value);
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

export function seconds(value: number): string {
  return `${(value / 1000).toFixed(2)} s`;
}
