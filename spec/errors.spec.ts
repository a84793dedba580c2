import { describe, expect, it } from 'vitest';

import { LeaderElectionError, invalidArgument } from '../lib/errors.ts';

describe('an error of this library', () => {
  it('has a code for programs, a message for people, and a cause', () => {
    const cause = new Error('the cause');
    const error = new LeaderElectionError('ERR_TIMEOUT', 'what happened', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'LeaderElectionError',
      code: 'ERR_TIMEOUT',
      message: 'what happened',
      cause,
    });
    expect(String(error)).toBe('LeaderElectionError: what happened');
  });

  it('may have no cause', () => {
    expect(new LeaderElectionError('ERR_TIMEOUT', 'what happened')).not.toHaveProperty('cause');
  });
});

describe('the error for a bad argument', () => {
  it('is a TypeError with a code', () => {
    const error = invalidArgument('x', 'a boolean', 7);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARGUMENT',
      message: 'x must be a boolean, but is 7',
    });
  });

  it.each([
    ['a "quoted"\n text', '"a \\"quoted\\"\\n text"'],
    ['', '""'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [7n, '7'],
    [true, 'true'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [{ token: 'secret' }, 'an object'],
    [['secret'], 'an array'],
    [new Date(), 'an object'],
    [Object.create(null), 'an object'],
    [() => 'secret', 'a function'],
    [Error, 'a function'],
    ['x'.repeat(300), JSON.stringify('x'.repeat(300))],
    ['x'.repeat(301), JSON.stringify(`${'x'.repeat(300)}…`)],
    ['x'.repeat(1_000_000), JSON.stringify(`${'x'.repeat(300)}…`)],
  ])('shows %o as %s', (value: unknown, shown) => {
    expect(invalidArgument('x', 'y', value).message).toBe(`x must be y, but is ${shown}`);
  });
});
