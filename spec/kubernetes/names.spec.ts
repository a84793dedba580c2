import { describe, expect, it } from 'vitest';

import {
  isDnsLabel,
  isDnsSubdomain,
  isLabelValue,
  isQualifiedName,
} from '../../lib/kubernetes/names.ts';

const a = (length: number) => 'a'.repeat(length);

const labels = ['a', '7', 'a-b', 'a--b', '0-0', 'default', a(63)];
const noLabels = ['', '-a', 'a-', '-', 'A', 'aB', 'a_b', 'a b', 'ä', 'a/b', ' a', 'a\n', '\na'];
const outside = ['../a', 'a\u0000', '%2e', '__proto__', 'a?b', 'a#b', '🙂'];

describe('DNS labels', () => {
  it.each(labels)('include %j', (name) => {
    expect(isDnsLabel(name)).toBe(true);
  });

  it.each([...noLabels, ...outside, 'a.b', '.', a(64), a(1_000_000)])(
    'do not include %j',
    (name) => {
      expect(isDnsLabel(name)).toBe(false);
    },
  );
});

describe('DNS subdomains', () => {
  it.each([...labels, 'a.b', 'a.b.c', '1.2', 'a-b.c-d', a(64), a(253), `${a(126)}.${a(126)}`])(
    'include %j',
    (name) => {
      expect(isDnsSubdomain(name)).toBe(true);
    },
  );

  it.each([
    ...noLabels,
    ...outside,
    ...['.', '.a', 'a.', 'a..b', 'a.-b', 'a-.b', 'a.B', 'a.b\n', '..'],
    a(254),
    `${a(126)}.${a(127)}`,
    `${a(1_000_000)}!`,
  ])('do not include %j', (name) => {
    expect(isDnsSubdomain(name)).toBe(false);
  });

  it('are told quickly from what a slow pattern would choke on', () => {
    expect(isDnsSubdomain(`${'a-'.repeat(126)}!`)).toBe(false);
    expect(isDnsSubdomain('a-.'.repeat(84))).toBe(false);
  });
});

describe('qualified names', () => {
  it.each(['a', 'A', 'a_b', 'a.b', 'app', 'MyName', a(63), 'example.com/a', `${a(253)}/${a(63)}`])(
    'include %j',
    (key) => {
      expect(isQualifiedName(key)).toBe(true);
    },
  );

  it.each([
    ...['', '/', '/a', 'a/', 'a/b/c', '//', 'a//b', '-a', 'a-', '.a', 'a.', '_a', 'a_'],
    ...['a b', 'ä'],
    ...['Example.com/a', 'a_b/c', '-a/b', 'a/-b', 'a\n', '\na', '__proto__'],
    a(64),
    `a/${a(64)}`,
    `${a(254)}/a`,
  ])('do not include %j', (key) => {
    expect(isQualifiedName(key)).toBe(false);
  });
});

describe('label values', () => {
  it.each(['', 'a', 'A', 'a_b', 'a.b', '1.2.3', 'a-B_c.D', a(63)])('include %j', (value) => {
    expect(isLabelValue(value)).toBe(true);
  });

  it.each([a(64), '-a', 'a-', ' ', 'a b', 'a/b', 'ä', 'a\n'])('do not include %j', (value) => {
    expect(isLabelValue(value)).toBe(false);
  });
});
