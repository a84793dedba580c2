import fc from 'fast-check';
import { expect, test } from 'vitest';

test('properties are tried with the values of one seed, unless another is asked for', () => {
  const draw = (seed?: number) => {
    const drawn: number[] = [];
    const note = fc.property(fc.nat(), (value) => {
      drawn.push(value);
    });
    fc.assert(note, seed === undefined ? {} : { seed });
    return drawn;
  };
  expect(draw()).toEqual(draw());
  expect(draw()).toEqual(draw(Number(process.env['FUZZ_SEED'] ?? 1)));
  expect(draw()).not.toEqual(draw(2 ** 31 - 1));
});
