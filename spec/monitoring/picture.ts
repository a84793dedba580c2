// Draws the dashboard's panels from what a Prometheus has seen of a handover, because Grafana is not there:
// node spec/monitoring/picture.ts FILE
import { writeFileSync } from 'node:fs';
import { COLOURS, FAINT, GRID, INK, line, round, svgOf, text } from '../bench/svg.ts';
import { type FilledPanel, type Line, handover } from './handover.ts';

const WIDTH = 880;
const MARGIN = 20;
const TOP = 66;
const COLUMNS = 2;
const PLOT_WIDTH = 360;
const PLOT_HEIGHT = 90;
const LEGEND_LINE = 15;
const MOST_LINES = 5;
const PANEL_HEIGHT = 30 + PLOT_HEIGHT + 26 + MOST_LINES * LEGEND_LINE;
const LEFT = 44;

/** The panels as an SVG document; all have the same time axis. */
export function toSvg(title: string, caption: string, panels: readonly FilledPanel[]): string {
  const seconds = panels.flatMap(({ lines }) =>
    lines.flatMap(({ points }) => points.map(([at]) => at)),
  );
  const [from, to] = [Math.min(...seconds), Math.max(...seconds)];
  const drawn = panels.flatMap((panel, index) => {
    const left = MARGIN + (index % COLUMNS) * ((WIDTH - MARGIN) / COLUMNS);
    const top = TOP + Math.floor(index / COLUMNS) * PANEL_HEIGHT;
    return drawPanel(panel, [left, top], [from, to]);
  });
  const height = TOP + Math.ceil(panels.length / COLUMNS) * PANEL_HEIGHT;
  return svgOf(
    title,
    [WIDTH, height],
    [
      text(MARGIN, 28, title, 17, INK, 'font-weight="bold"'),
      text(MARGIN, 46, caption, 12, FAINT),
      ...drawn,
    ],
  );
}

function drawPanel(
  { title, unit, lines }: FilledPanel,
  [left, top]: readonly [number, number],
  [from, to]: readonly [number, number],
): string[] {
  const most = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)), 0);
  const limit = ceiling(most);
  const bottom = top + 22 + PLOT_HEIGHT;
  const x = (at: number) => left + LEFT + ((at - from) / (to - from)) * PLOT_WIDTH;
  const y = (value: number) => bottom - (value / limit) * PLOT_HEIGHT;
  const label = (value: number) => `${value}${unit === 's' ? ' s' : ''}`;
  return [
    text(left, top + 10, title, 13, INK, 'font-weight="bold"'),
    ...[0, limit / 2, limit].flatMap((value) => [
      line(x(from), y(value), x(to), y(value), GRID),
      text(left + LEFT - 6, y(value) + 4, label(value), 11, FAINT, 'text-anchor="end"'),
    ]),
    text(x(from), bottom + 14, '0 s', 11, FAINT),
    text(x(to), bottom + 14, `${Math.round(to - from)} s`, 11, FAINT, 'text-anchor="end"'),
    ...lines.slice(0, MOST_LINES).flatMap((one, index) => {
      const [colour] = COLOURS[index % COLOURS.length] ?? INK;
      const under = bottom + 28 + index * LEGEND_LINE;
      return [
        `<path d="${steps(one, x, y)}" stroke="${colour}" stroke-width="1.8" fill="none"/>`,
        `<rect x="${round(left + LEFT)}" y="${under - 7}" width="12" height="3" fill="${colour}"/>`,
        text(left + LEFT + 18, under, one.name, 11, INK),
      ];
    }),
  ];
}

/** A value holds until the next one; where there is none, the line has a gap. */
function steps({ points }: Line, x: (at: number) => number, y: (value: number) => number): string {
  return points
    .map(([at, value], index) => {
      const before = points[index - 1];
      const isNext = before !== undefined && at - before[0] < 1.5;
      const [px, py] = [round(x(at)), round(y(value))];
      return isNext ? `H${px}V${py}` : `M${px} ${py}h0.1`;
    })
    .join('');
}

/** The next number above that is easy to read. */
function ceiling(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most || 1));
  const digit = [1, 2, 5, 10].find((one) => most <= one * power) ?? 10;
  return Number((digit * power).toPrecision(1));
}

if (import.meta.main) {
  const [file = ''] = process.argv.slice(2);
  const { from, to, panels } = await handover(15);
  const caption = `Three processes, scraped each second: ${from} leads, two of its writes fail, it ends, ${to} leads.`;
  writeFileSync(file, toSvg('The queries of the dashboard, through a handover', caption, panels));
}
