import { beforeEach, expect, test, vi } from 'vitest';

import { printed } from '../../demo/fixtures.ts';
import { ms, piece } from '../../../lib/cli/demo/screen.ts';

const line = [piece('1  ', 'act'), piece('██', 'leads'), piece('█', 'leads'), piece('  ')];

beforeEach(() => {
  const deciding = [
    'NO_COLOR',
    'FORCE_COLOR',
    'NODE_DISABLE_COLORS',
    'CI',
    'TF_BUILD',
    'COLORTERM',
  ];
  for (const name of deciding) vi.stubEnv(name, undefined);
  vi.stubEnv('TERM', 'xterm-256color');
  return () => vi.unstubAllEnvs();
});

test('a terminal gets colour', () => {
  expect(printed([line], { isTTY: true })).toBe(
    '\x1b[1m\x1b[36m1  \x1b[39m\x1b[22m\x1b[32m███\x1b[39m\n',
  );
});

test('nothing but a terminal gets colour', () => {
  expect(printed([line])).toBe('1  ███\n');
});

test('NO_COLOR is respected', () => {
  vi.stubEnv('NO_COLOR', '1');
  expect(printed([line], { isTTY: true })).toBe('1  ███\n');
});

test.each([
  [0.04, '0.0 ms'],
  [9.94, '9.9 ms'],
  [10.4, '10 ms'],
  [999, '999 ms'],
  [1_234, '1.23 s'],
])('%f ms are shown as %s', (value, text) => {
  expect(ms(value)).toBe(text);
});
