import { expect, test } from 'vitest';
import { projectFiles, read } from './project.ts';

const ID = /\b(?:LIFE|LEASE|BAR)-\d\b/g;
const promised = Array.from(
  read('docs/safety.md').matchAll(/^\| ((?:LIFE|LEASE|BAR)-\d) +\|/gm),
  ([, id = '']) => id,
);

/** The ids that these files mention. */
function mentioned(...patterns: string[]): Set<string> {
  const files = patterns.flatMap((pattern) => projectFiles(pattern));
  return new Set(files.flatMap((file) => read(file).match(ID) ?? []));
}

test('every promise of docs/safety.md is checked in simulated worlds, or asserted by the library', () => {
  const checked = mentioned('spec/simulate/checks/*.ts', 'lib/protocol/**/*.ts');
  expect(promised.filter((id) => !checked.has(id))).toEqual([]);
});

test('every promise is checked in every order of events', () => {
  const explored = mentioned('spec/explore/*.ts');
  expect(promised.filter((id) => !explored.has(id))).toEqual([]);
});

test('no other id is mentioned', () => {
  const known = new Set(promised);
  const others = [...mentioned('{lib,spec,docs}/**/*.{ts,md}')].filter((id) => !known.has(id));
  expect(others).toEqual([]);
});
