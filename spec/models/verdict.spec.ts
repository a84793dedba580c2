import { describe, expect, it } from 'vitest';

import { verdictOf } from './verdict.ts';

const complete = `
(Spin Version 6.5.2 -- 6 December 2019)

State-vector 72 byte, depth reached 276339, errors: 0
  7208315 states, stored
`;

describe("what Spin's program prints", () => {
  it('says how many errors there are, among how many states', () => {
    expect(verdictOf(complete)).toEqual({ errors: 0, states: 7_208_315 });
    const refuted = complete.replace('errors: 0', 'errors: 1');
    expect(verdictOf(refuted)).toEqual({ errors: 1, states: 7_208_315 });
  });

  it.each(['Warning: Search not completed', 'error: max search depth too small'])(
    'proves nothing if it says "%s"',
    (notice) => {
      expect(() => verdictOf(`${notice}\n${complete}`)).toThrow('the search was cut short');
    },
  );

  it('counts all the same if an error was found before', () => {
    const found = `Warning: Search not completed\n${complete.replace('errors: 0', 'errors: 1')}`;
    expect(verdictOf(found).errors).toBe(1);
  });

  it('has to be there', () => {
    expect(() => verdictOf('pan: out of memory')).toThrow('no verdict');
  });
});
