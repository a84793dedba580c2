import { describe, expect, test } from 'vitest';

import { type Plot, decades, spread, toSvg } from './plot.ts';

const plot: Plot = {
  title: 'Apples < pears & plums',
  panels: [
    {
      title: 'Ripening',
      samples: [
        { name: 'apples', valuesMs: [4, 5, 60] },
        { name: 'pears', valuesMs: [900, 1_100] },
      ],
    },
    { title: 'Rotting', samples: [{ name: 'plums', valuesMs: [20] }] },
  ],
  caption: ['one tree', '2026-11-21'],
};
const svg = toSvg(plot);

/** The text in it, tags left out. */
const words = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

describe('a plot', () => {
  test('says what it shows, with units, numbers and medians', () => {
    expect(words).toEqual(expect.arrayContaining(['Ripening', 'Rotting', 'apples', 'n = 3']));
    expect(words).toEqual(expect.arrayContaining(['pears', 'n = 2', 'plums', 'n = 1', 'median']));
    expect(words).toEqual(expect.arrayContaining(['5.0 ms', '1000 ms', '20.0 ms']));
    expect(words).toEqual(expect.arrayContaining(['1 ms', '100 ms', '10 s']));
    expect(words).toContain('duration, on a logarithmic scale');
    expect(words).toEqual(expect.arrayContaining([...plot.caption]));
  });

  test('draws each value and each median once', () => {
    // The legend has one more of each.
    const marks = (colour: string) => svg.split(`fill="${colour}" fill-opacity="0.75"`).length - 2;
    expect([marks('#0072b2'), marks('#d55e00'), marks('#009e73')]).toEqual([3, 2, 1]);
  });

  test('is well-formed', () => {
    const open: string[] = [];
    const TAG = /<(\/?)([a-z]+)((?: [\w:-]+="[^"<]*")*) ?(\/?)>|[<>&]/gi;
    for (const [tag, slash, name = '', , empty] of svg
      .replaceAll(/&(?:lt|gt|amp|quot);/g, '')
      .matchAll(TAG)) {
      expect(tag.length, `${tag} in ${svg}`).toBeGreaterThan(1);
      if (slash) expect(open.pop()).toBe(name);
      else if (!empty) open.push(name);
    }
    expect(open).toEqual([]);
  });

  test('is titled for those who do not see it', () => {
    expect(svg).toMatch(/^<svg role="img" [^>]+>\n<title>Apples &lt; pears &amp; plums<\/title>/);
  });

  test('has a dark counterpart for every colour that it draws with', () => {
    const [, style = ''] =
      /<style>(@media \(prefers-color-scheme:dark\)[^<]+)<\/style>/.exec(svg) ?? [];
    const drawn = new Set([...svg.matchAll(/ (?:fill|stroke)="([^"]+)"/g)].map(([, is]) => is));
    expect(drawn.size).toBeGreaterThan(5);
    expect([...drawn].filter((colour) => !style.includes(`[fill="${colour}"]`))).toEqual([]);
  });

  test('calls a row by its own name, and has its colour in the legend', () => {
    const samples = ['killed', 'evicted'].map((row) => ({ name: 'pears', row, valuesMs: [3] }));
    const drawn = toSvg({ ...plot, panels: [{ title: 'Crash', samples }] });
    expect(drawn).toMatch(/>killed<[^]*>pears, n = 1<[^]*>evicted<[^]*>pears, n = 1</);
    expect(drawn.split('>pears<')).toHaveLength(2);
  });

  test('draws what took no time at the left end of the axis', () => {
    const samples = [{ name: 'apples', valuesMs: [0, 5] }];
    const drawn = toSvg({ ...plot, panels: [{ title: 'Ripening', samples }] });
    expect(drawn).toContain('n = 2');
    expect(drawn).not.toMatch(/NaN|Infinity/);
  });
});

test('the axis goes from the power of ten below all values to that above', () => {
  expect(decades(plot.panels)).toEqual({ min: 1, max: 10_000 });
});

describe('values that are nearly the same', () => {
  test('are drawn beside each other', () => {
    const lanes = spread([10, 10.1, 10.2, 100]);
    expect(new Set(lanes.slice(0, 3)).size).toBe(3);
    expect(lanes[3]).toBe(0);
    expect(Math.max(...lanes.map(Math.abs))).toBeLessThanOrEqual(1);
  });
});
