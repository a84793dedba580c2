import { describe, expect, it } from 'vitest';

import { child, isObject, list, text } from '../../lib/kubernetes/json.ts';

const all = (value: unknown, key = 'k') => [child(value, key), text(value, key), list(value, key)];
const nothing = [{}, undefined, []];

describe('child, text and list', () => {
  it.each([
    ['{"k":{"x":1}}', [{ x: 1 }, undefined, []]],
    ['{"k":"y"}', [{}, 'y', []]],
    ['{"k":""}', [{}, '', []]],
    ['{"k":[1,"2"]}', [{}, undefined, [1, '2']]],
    ['{"k":[{}]}', [{}, undefined, [{}]]],
    ...['{}', '{"k":null}', '{"k":1}', '{"k":true}', 'null', '1', '"k"', '[]', '[["k"]]'].map(
      (json): [string, unknown[]] => [json, nothing],
    ),
  ])('read from %s: %j', (json, found) => {
    expect(all(JSON.parse(json))).toEqual(found);
  });

  it('read nothing from prototypes', () => {
    for (const value of [{ x: 1 }, 'y', [1]]) {
      expect(all(Object.create({ k: value }))).toEqual(nothing);
    }
    expect(child({}, '__proto__')).not.toBe(Object.prototype);
    expect(text(undefined, 'constructor')).toBeUndefined();
    const own: unknown = JSON.parse('{"__proto__":{"x":"y"}}');
    expect(text(child(own, '__proto__'), 'x')).toBe('y');
    expect(Object.prototype).not.toHaveProperty('x');
  });
});

it('isObject is true of objects that are no lists', () => {
  expect([{}, Object.create(null)].map(isObject)).toEqual([true, true]);
  const others = [[], null, undefined, 'x', 1, () => 1];
  expect(others.filter(isObject)).toEqual([]);
});
