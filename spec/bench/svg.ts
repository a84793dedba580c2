/** What pictures are drawn with: they suit light and dark pages. */

/** Each colour and its counterpart on dark pages. */
export const INK = ['#1f2328', '#e6edf3'] as const;
export const FAINT = ['#656d76', '#9198a1'] as const;
export const GRID = ['#d8dee4', '#30363d'] as const;
const PAPER = ['#ffffff', '#0d1117'] as const;

/** They are told apart by those who see fewer colours, too (Okabe and Ito), on both papers. */
export const COLOURS = [
  ['#0072b2', '#56b4e9'],
  ['#d55e00', '#e69f00'],
  ['#009e73', '#2fc49a'],
  ['#6e7781', '#8b949e'],
] as const;

export type Colour = readonly [light: string, dark: string];

export function line(x1: number, y1: number, x2: number, y2: number, [light]: Colour): string {
  return `<path d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}" stroke="${light}"/>`;
}

export function text(
  x: number,
  y: number,
  words: string,
  size: number,
  [light]: Colour,
  more = '',
) {
  const place = `x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${light}"`;
  return `<text ${place}${more && ` ${more}`}>${escape(words)}</text>`;
}

/** Where style sheets are unknown it stays light, and legible: it brings its own paper. */
export function svgOf(
  title: string,
  [width, height]: readonly [width: number, height: number],
  drawn: readonly string[],
): string {
  const rules = [INK, FAINT, GRID, PAPER, ...COLOURS].map(
    ([light, dark]) => `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`,
  );
  return `<svg role="img" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" \
viewBox="0 0 ${width} ${height}" font-family="system-ui, -apple-system, Segoe UI, sans-serif">
<title>${escape(title)}</title>
<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>
<rect width="${width}" height="${height}" fill="${PAPER[0]}"/>
${drawn.join('\n')}
</svg>
`;
}

export function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
