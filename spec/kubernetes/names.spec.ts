import { describe, expect, it } from 'vitest';

import {
  isDnsLabel,
  isDnsSubdomain,
  isLabelValue,
  isQualifiedName,
} from '../../lib/kubernetes/names.ts';

const a = (length: number) => 'a'.repeat(length);

const labels = ['a', '7', 'a-b', 'a--b', '0-0', 'default', a(63)];
const noLabels = [
  ...['', '-a', 'a-', '-', 'A', 'aB', 'a_b', 'a b', 'ä', 'a/b', ' a', 'a\n', '\na'],
  ...['../a', 'a\u0000', '%2e', '__proto__', 'a?b', 'a#b', '🙂'],
];

describe.each([
  {
    is: isDnsLabel,
    valid: labels,
    invalid: [...noLabels, 'a.b', '.', a(64), a(1_000_000)],
  },
  {
    is: isDnsSubdomain,
    valid: [...labels, ...['a.b', 'a.b.c', '1.2', 'a-b.c-d', a(64), a(253), `${a(126)}.${a(126)}`]],
    invalid: [
      ...[...noLabels, '.', '.a', 'a.', 'a..b', 'a.-b', 'a-.b', 'a.B', 'a.b\n', '..'],
      ...[a(254), `${a(126)}.${a(127)}`, `${a(1_000_000)}!`],
      // What a slow pattern would choke on.
      ...[`${'a-'.repeat(126)}!`, 'a-.'.repeat(84)],
    ],
  },
  {
    is: isQualifiedName,
    valid: ['a', 'A', 'a_b', 'a.b', 'app', 'MyName', a(63), 'example.com/a', `${a(253)}/${a(63)}`],
    invalid: [
      ...[
        '',
        '/',
        '/a',
        'a/',
        'a/b/c',
        '//',
        'a//b',
        '-a',
        'a-',
        '.a',
        'a.',
        '_a',
        'a_',
        'a b',
        'ä',
      ],
      ...['Example.com/a', 'a_b/c', '-a/b', 'a/-b', 'a\n', '\na', '__proto__'],
      ...[a(64), `a/${a(64)}`, `${a(254)}/a`],
    ],
  },
  {
    is: isLabelValue,
    valid: ['', 'a', 'A', 'a_b', 'a.b', '1.2.3', 'a-B_c.D', a(63)],
    invalid: [a(64), '-a', 'a-', ' ', 'a b', 'a/b', 'ä', 'a\n'],
  },
])('$is.name', ({ is, valid, invalid }) => {
  it.each(valid)('allows %j', (name) => {
    expect(is(name)).toBe(true);
  });

  it.each(invalid)('does not allow %j', (name) => {
    expect(is(name)).toBe(false);
  });
});
