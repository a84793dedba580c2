import { median, ms } from './report.ts';
import { COLOURS, type Colour, FAINT, GRID, INK, line, round, svgOf, text } from './svg.ts';

/** Durations in milliseconds that belong together; each is drawn. */
export interface Sample {
  /** Samples of one name have one colour. */
  readonly name: string;
  /** What its row is called, if not by that name. */
  readonly row?: string;
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
const MARGIN = 20;
const TOP = 84;
const PANEL_HEAD = 38;
const ROW = 46;
const AXIS = 58;
const LEFT = 196;
const RIGHT = 32;
const CAPTION_LINE = 17;
/** The width of text is a guess: this leaves room for wider fonts. */
const LETTER = 7;

type Scale = (value: number) => number;

/** The plot as an SVG document, which suits light and dark pages. */
export function toSvg({ title, panels, caption }: Plot): string {
  const { min, max } = decades(panels);
  const perDecade = (WIDTH - LEFT - RIGHT) / Math.log10(max / min);
  // There is no zero on a logarithmic axis: it is drawn at its left end.
  const x: Scale = (value) => LEFT + perDecade * Math.log10(Math.max(value, min) / min);
  const names = [...new Set(panels.flatMap(({ samples }) => samples.map(({ name }) => name)))];
  const drawn = [text(MARGIN, 30, title, 17, INK, 'font-weight="bold"'), ...legend(names)];
  let top = TOP;
  for (const { title: panelTitle, samples } of panels) {
    drawn.push(text(MARGIN, top + 14, panelTitle, 14, INK, 'font-weight="bold"'));
    top += PANEL_HEAD;
    const bottom = top + samples.length * ROW;
    drawn.push(...axis(x, { min, max }, top, bottom));
    for (const [row, sample] of samples.entries()) {
      const colour = COLOURS[names.indexOf(sample.name) % COLOURS.length] ?? INK;
      drawn.push(...drawSample(x, sample, colour, top + row * ROW));
    }
    top = bottom + AXIS;
  }
  const lines = caption.map((line, index) => {
    return text(MARGIN, top + 10 + index * CAPTION_LINE, line, 12, FAINT);
  });
  return svgOf(title, [WIDTH, top + 10 + caption.length * CAPTION_LINE], [...drawn, ...lines]);
}

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

function legend(names: readonly string[]): string[] {
  let left = MARGIN;
  return [...names.entries(), [-1, 'median'] as const].flatMap(([index, name]) => {
    const [at, colour] = [left + 6, COLOURS[index % COLOURS.length] ?? INK];
    left += 50 + name.length * LETTER;
    const mark = index < 0 ? medianMark(at, 52, 12) : dot(at, 52, colour);
    return [mark, text(at + 12, 56, name, 13, INK)];
  });
}

function axis(x: Scale, { min, max }: { min: number; max: number }, top: number, bottom: number) {
  const powers = Array.from({ length: Math.round(Math.log10(max / min)) + 1 }, (_, n) => n);
  return powers.flatMap((power) => {
    const value = Number((min * 10 ** power).toPrecision(1));
    const minor = [2, 3, 4, 5, 6, 7, 8, 9].map((digit) => digit * value);
    const words = value < 1_000 ? `${value} ms` : `${value / 1_000} s`;
    return [
      line(x(value), top, x(value), bottom, GRID),
      text(x(value), bottom + 18, words, 12, FAINT, 'text-anchor="middle"'),
      ...minor
        .filter((one) => one < max)
        .map((at) => line(x(at), bottom, x(at), bottom + 3, FAINT)),
      ...(power > 0 ? [] : axisLine(x(min), x(max), bottom)),
    ];
  });
}

function axisLine(left: number, right: number, y: number): string[] {
  const name = 'duration, on a logarithmic scale';
  return [
    line(left, y, right, y, FAINT),
    text((left + right) / 2, y + 36, name, 12, FAINT, 'text-anchor="middle"'),
  ];
}

/** A row with a name and a number, a dot for each value, and a mark at the median. */
function drawSample(x: Scale, sample: Sample, colour: Colour, top: number): string[] {
  const { name, row, valuesMs } = sample;
  const count = `${row === undefined ? '' : `${name}, `}n = ${valuesMs.length}`;
  const lanes = spread(valuesMs);
  const [y, middle] = [top + ROW * 0.56, x(median(valuesMs))];
  return [
    text(LEFT - 10, y - 3, row ?? name, 13, INK, 'text-anchor="end"'),
    text(LEFT - 10, y + 13, count, 13, INK, 'text-anchor="end"'),
    ...valuesMs.map((value, index) => dot(x(value), y + (lanes[index] ?? 0) * ROW * 0.26, colour)),
    medianMark(middle, y, 30),
    text(middle, y - 18, ms(median(valuesMs)), 12, INK, 'text-anchor="middle" font-weight="bold"'),
  ];
}

function dot(x: number, y: number, [light]: Colour): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" fill="${light}" fill-opacity="0.75"/>`;
}

function medianMark(x: number, y: number, height: number): string {
  const [left, top] = [round(x - 1.25), round(y - height / 2)];
  return `<rect x="${left}" y="${top}" width="2.5" height="${height}" fill="${INK[0]}"/>`;
}
