import { ScatterChart } from 'echarts/charts';
import {
  AriaComponent,
  GraphicComponent,
  GridComponent,
  LegendComponent,
  TitleComponent,
} from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

import { median, ms } from './report.ts';

use([
  ScatterChart,
  AriaComponent,
  GraphicComponent,
  GridComponent,
  LegendComponent,
  TitleComponent,
  SVGRenderer,
]);

/** Durations in milliseconds that belong together; each is drawn. */
export interface Sample {
  readonly name: string;
  readonly valuesMs: readonly number[];
}

/** Samples that are compared on one axis. */
export interface Panel {
  readonly title: string;
  readonly samples: readonly Sample[];
}

export interface Plot {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** What the figures were taken on, and when. */
  readonly caption: readonly string[];
}

const WIDTH = 880;
const ROW = 46;
const TOP = 84;
const PANEL_HEAD = 38;
const AXIS = 58;
const LEFT = 196;
const RIGHT = 32;
const CAPTION_LINE = 17;
const MEDIAN = 'median';
const FONT = 'system-ui, -apple-system, Segoe UI, sans-serif';

/** Each colour with its counterpart in dark platform. */
const INK = { light: '#1f2328', dark: '#e6edf3' };
const FAINT = { light: '#656d76', dark: '#9198a1' };
const GRID = { light: '#d8dee4', dark: '#30363d' };
const PAPER = { light: '#ffffff', dark: '#0d1117' };

/** They are told apart by those who see fewer colours, too (Okabe and Ito), on both papers. */
const COLOURS = [
  { light: '#0072b2', dark: '#56b4e9' },
  { light: '#d55e00', dark: '#e69f00' },
  { light: '#009e73', dark: '#2fc49a' },
  { light: '#6e7781', dark: '#8b949e' },
];

/** The powers of ten that hold all samples; the same for all panels, so that they compare. */
export function decades(panels: readonly Panel[]): { min: number; max: number } {
  const values = panels.flatMap(({ samples }) => samples.flatMap(({ valuesMs }) => valuesMs));
  const positive = values.filter((value) => value > 0);
  return {
    min: 10 ** Math.floor(Math.log10(Math.min(...positive))),
    max: 10 ** Math.ceil(Math.log10(Math.max(...positive))),
  };
}

/**
 * Where in its row each value is drawn, from -1 to 1: the more there are of nearly the same, the
 * farther apart, so that none hides another. The logarithm is what the eye sees.
 */
export function spread(valuesMs: readonly number[]): number[] {
  const NEAR = 0.035;
  const LANES = [0, 1, -1, 2, -2, 3, -3, 4, -4];
  const taken = new Map<number, number>();
  const lanes = new Map<number, number>();
  const order = valuesMs.map((value, index) => ({ at: Math.log10(value), index }));
  for (const { at, index } of order.sort((a, b) => a.at - b.at)) {
    const free = LANES.find((lane) => at - (taken.get(lane) ?? -Infinity) >= NEAR);
    const lane = free ?? LANES[index % LANES.length] ?? 0;
    taken.set(lane, at);
    lanes.set(index, lane / 4);
  }
  return valuesMs.map((_, index) => lanes.get(index) ?? 0);
}

/** The plot as an SVG document, which suits light and dark pages. */
export function toSvg(plot: Plot): string {
  const layout = layoutOf(plot);
  const chart = init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: WIDTH,
    height: layout.height,
  });
  try {
    chart.setOption(optionOf(plot, layout));
    return withDarkMode(withoutHover(chart.renderToSVGString()), plot.title);
  } finally {
    chart.dispose();
  }
}

interface Layout {
  readonly height: number;
  /** Of each panel, where its plotting area begins and how high it is. */
  readonly areas: readonly { readonly top: number; readonly height: number }[];
}

function layoutOf({ panels, caption }: Plot): Layout {
  let top = TOP;
  const areas = panels.map(({ samples }) => {
    const area = { top: top + PANEL_HEAD, height: samples.length * ROW };
    top = area.top + area.height + AXIS;
    return area;
  });
  return { areas, height: top + caption.length * CAPTION_LINE + 10 };
}

function optionOf({ title, panels, caption }: Plot, { areas, height }: Layout): EChartsCoreOption {
  const range = decades(panels);
  const names = [...new Set(panels.flatMap(({ samples }) => samples.map(({ name }) => name)))];
  const captionTop = height - caption.length * CAPTION_LINE - 10;
  return {
    animation: false,
    backgroundColor: PAPER.light,
    textStyle: { fontFamily: FONT },
    title: [
      { text: title, left: 20, top: 14, textStyle: textStyle(17, INK.light, 'bold') },
      ...panels.map((panel, index) => ({
        text: panel.title,
        left: 20,
        top: (areas[index]?.top ?? 0) - PANEL_HEAD + 2,
        textStyle: textStyle(14, INK.light, 'bold'),
      })),
      {
        text: caption.join('\n'),
        left: 20,
        top: captionTop,
        textStyle: { ...textStyle(12, FAINT.light), lineHeight: CAPTION_LINE },
      },
    ],
    legend: {
      left: 14,
      top: 44,
      data: [...names, { name: MEDIAN, icon: 'rect' }],
      // The width of text is a guess: this leaves room for wider fonts.
      itemGap: 28,
      itemWidth: 12,
      itemHeight: 12,
      textStyle: textStyle(13, INK.light),
    },
    grid: areas.map(({ top, height }) => ({ left: LEFT, right: RIGHT, top, height })),
    xAxis: panels.map((_, index) => xAxis(index, range)),
    yAxis: panels.map(({ samples }, index) => yAxis(index, samples)),
    series: panels.flatMap(({ samples }, index) =>
      samples.flatMap((sample, row) => [
        dots(atLeast(range.min, sample), index, row, colourOf(sample.name, names)),
        medianMark(sample, index, row),
      ]),
    ),
  };
}

function xAxis(gridIndex: number, { min, max }: { min: number; max: number }) {
  return {
    type: 'log',
    gridIndex,
    min,
    max,
    name: 'duration, on a logarithmic scale',
    nameLocation: 'middle',
    nameGap: 30,
    nameTextStyle: textStyle(12, FAINT.light),
    axisLabel: { ...textStyle(12, FAINT.light), formatter: duration },
    axisLine: { onZero: false, lineStyle: { color: FAINT.light } },
    axisTick: { lineStyle: { color: FAINT.light } },
    splitLine: { show: true, lineStyle: { color: GRID.light } },
    minorTick: { show: true, splitNumber: 10 },
  };
}

/** A row for each sample, the first on top, with its name and number. */
function yAxis(gridIndex: number, samples: readonly Sample[]) {
  return {
    type: 'value',
    gridIndex,
    min: 0,
    max: samples.length,
    interval: 0.5,
    inverse: true,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: {
      ...textStyle(13, INK.light),
      formatter: (at: number) => {
        const sample = at % 1 === 0.5 ? samples[Math.floor(at)] : undefined;
        return sample ? `${sample.name}\nn = ${sample.valuesMs.length}` : '';
      },
    },
  };
}

function dots({ name, valuesMs }: Sample, panel: number, row: number, colour: string) {
  const lanes = spread(valuesMs);
  return {
    type: 'scatter',
    name,
    xAxisIndex: panel,
    yAxisIndex: panel,
    symbolSize: 7,
    itemStyle: { color: colour, opacity: 0.75 },
    data: valuesMs.map((value, index) => [value, row + 0.56 + (lanes[index] ?? 0) * 0.26]),
  };
}

/** There is no zero on a logarithmic axis: it is drawn at its left end. */
function atLeast(min: number, { name, valuesMs }: Sample): Sample {
  return { name, valuesMs: valuesMs.map((value) => Math.max(value, min)) };
}

function medianMark({ valuesMs }: Sample, panel: number, row: number) {
  const middle = median(valuesMs);
  return {
    type: 'scatter',
    name: MEDIAN,
    xAxisIndex: panel,
    yAxisIndex: panel,
    symbol: 'rect',
    symbolSize: [2.5, 30],
    itemStyle: { color: INK.light },
    label: {
      show: true,
      formatter: ms(middle),
      position: 'top',
      distance: 1,
      ...textStyle(12, INK.light, 'bold'),
    },
    data: [[middle, row + 0.56]],
  };
}

function colourOf(name: string, names: readonly string[]): string {
  return COLOURS[names.indexOf(name) % COLOURS.length]?.light ?? INK.light;
}

function textStyle(fontSize: number, color: string, fontWeight: 'normal' | 'bold' = 'normal') {
  return { fontSize, color, fontWeight, fontFamily: FONT };
}

function duration(milliseconds: number): string {
  return milliseconds < 1_000 ? `${milliseconds} ms` : `${milliseconds / 1_000} s`;
}

/** A picture is not hovered over, and the names of these classes are never the same. */
function withoutHover(svg: string): string {
  return svg
    .replaceAll(/ (?:class="zr[^"]*"|pointer-events="visible")/g, '')
    .replace(/<style ?>\s*<!\[CDATA\[.*?\]\]>\s*<\/style>\s*/s, '');
}

/** Where style sheets are unknown it stays light, and legible: it brings its own paper. */
function withDarkMode(svg: string, title: string): string {
  const rules = [INK, FAINT, GRID, PAPER, ...COLOURS].map(
    ({ light, dark }) => `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`,
  );
  const style = `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;
  const end = svg.indexOf('>') + 1;
  const root = svg.slice(0, end).replace('<svg', '<svg role="img"');
  return `${root}\n<title>${escape(title)}</title>\n${style}${svg.slice(end)}\n`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
