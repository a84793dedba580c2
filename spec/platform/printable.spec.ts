import { describe, expect, it } from 'vitest';

import { messageOf, printable, printableLines } from '../../lib/platform/printable.ts';

describe('what can be printed', () => {
  it.each([
    ['plain text: ü, 漢字, 🙂, 👩‍🚀', 'plain text: ü, 漢字, 🙂, 👩‍🚀'],
    ['a\nb\r\nc', 'a b  c'],
    ['\u0000\u001f\u007f\u0080\u009f\u2028\u2029', '       '],
    ['\u001b[31mred', ' [31mred'],
    [' ~\u00a0', ' ~\u00a0'],
    ['\u202eevil\u202c', ' evil '],
    ['\u061c\u200e\u200f\u202a\u202b\u202d\u2066\u2067\u2068\u2069', '          '],
    ['x'.repeat(4_000), 'x'.repeat(4_000)],
    ['x'.repeat(1_000_000), `${'x'.repeat(4_000)}…`],
  ])('of %j is %j', (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it('is each line by itself where there are several', () => {
    expect(printableLines('a\r\n\tb\n\nc')).toBe('a \n b\n\nc');
  });
});

describe('the message of what was thrown', () => {
  it.each([
    [new Error('broken'), 'broken'],
    ['enough', 'enough'],
    [7, '7'],
    [undefined, 'undefined'],
    [new Error(), 'Error without a message'],
    [new TypeError(''), 'TypeError without a message'],
    ['', 'no reason given'],
    [{ message: '' }, 'an error without a message'],
    [Object.create(null), 'something that cannot be shown'],
    [new AggregateError([]), 'AggregateError without a message'],
    [new AggregateError([new Error('one'), new Error()]), 'one; Error without a message'],
    [new AggregateError([new Error('one')], 'of its own'), 'of its own'],
  ])('of %o is never empty', (thrown, expected) => {
    expect(messageOf(thrown)).toBe(expected);
  });
});
