import { describe, expect, it } from 'vitest';

import { child, isObject, list, text } from '../../lib/kubernetes/json.ts';

const parse = (json: string): unknown => JSON.parse(json);

describe('reading from parsed JSON', () => {
  it('finds what is there', () => {
    const value = parse('{"o":{"x":1},"s":"y","e":"","a":[1,"2"]}');
    expect(child(value, 'o')).toEqual({ x: 1 });
    expect(text(value, 's')).toBe('y');
    expect(text(value, 'e')).toBe('');
    expect(list(value, 'a')).toEqual([1, '2']);
  });

  it.each(['{}', '{"k":null}', '{"k":1}', '{"k":true}', 'null', '1', '"k"', '[]', '[["k"]]'])(
    'takes %s for nothing',
    (json) => {
      expect(child(parse(json), 'k')).toEqual({});
      expect(text(parse(json), 'k')).toBeUndefined();
      expect(list(parse(json), 'k')).toEqual([]);
    },
  );

  it('tells objects, lists and texts apart', () => {
    const value = parse('{"o":{},"s":"y","a":[{}]}');
    expect([child(value, 's'), child(value, 'a')]).toEqual([{}, {}]);
    expect([text(value, 'o'), text(value, 'a')]).toEqual([undefined, undefined]);
    expect([list(value, 'o'), list(value, 's')]).toEqual([[], []]);
  });

  it('takes nothing from prototypes', () => {
    const inherited: unknown = Object.create({ o: { x: 1 }, s: 'y', a: [1] });
    expect(child(inherited, 'o')).toEqual({});
    expect(text(inherited, 's')).toBeUndefined();
    expect(list(inherited, 'a')).toEqual([]);
    expect(child({}, '__proto__')).toEqual({});
    expect(child({}, '__proto__')).not.toBe(Object.prototype);
    expect(text(undefined, 'constructor')).toBeUndefined();
  });

  it('takes a key called __proto__ for a key like any other', () => {
    const value = parse('{"__proto__":{"x":"y"}}');
    expect(text(child(value, '__proto__'), 'x')).toBe('y');
    expect(Object.prototype).not.toHaveProperty('x');
  });

  it.each([
    [{}, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    [undefined, false],
    ['x', false],
    [1, false],
    [() => 1, false],
  ])('knows whether %o is an object', (value: unknown, is) => {
    expect(isObject(value)).toBe(is);
  });
});
