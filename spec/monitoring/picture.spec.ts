import { expect, test } from 'vitest';

import { toSvg } from './picture.ts';

const panels = [
  {
    ...{ title: 'Time < left', unit: 's' },
    lines: [
      {
        name: 'a & lock',
        points: [
          [100, 9],
          [101, 8],
          [105, 7],
        ] as const,
      },
      { name: 'b', points: [[105, 3]] as const },
    ],
  },
  { title: 'Nothing', unit: 'short', lines: [] },
];

test('the picture of the dashboard has every panel and line, and a gap where there is no value', () => {
  const svg = toSvg('Dashboard', 'a handover', panels);
  const words = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
  expect(words).toEqual(expect.arrayContaining(['Dashboard', 'a handover', 'Time &lt; left']));
  expect(words).toEqual(expect.arrayContaining(['Nothing', 'a &amp; lock', 'b', '0 s', '10 s']));
  const paths = [...svg.matchAll(/<path d="(M[^"]*)" stroke="[^"]*" stroke-width/g)];
  expect(paths.map(([, path = '']) => path.split('M').length - 1)).toEqual([2, 1]);
  expect(svg).not.toContain('NaN');
});
