import { describe, expect, it } from 'vitest';

import {
  type Check,
  annotationsExcept,
  checkDuration,
  checkLabels,
  checkProperties,
  checkSignal,
  having,
  matching,
  typed,
} from '../lib/checks.ts';

/** What checking throws, as its message; nothing if it does not. */
function complaint(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toHaveProperty('code', 'ERR_INVALID_ARGUMENT');
    return (error as TypeError).message;
  }
}

const of = (check: Check, value: unknown) => complaint(() => check('it', value));

describe('an object of options', () => {
  const even: Check = (name, value) => {
    if (Number(value) % 2) throw new TypeError(`${name} is odd`);
  };
  const properties = (value: unknown) => checkProperties('options', value, { a: even, b: even });

  it('is handed on as it is', () => {
    const given = { a: 2, b: undefined };
    expect(properties(given)).toBe(given);
    expect(properties({})).toEqual({});
    expect(properties(Object.assign(Object.create(null), { a: 4 }))).toEqual({ a: 4 });
  });

  it('is checked property by property, but for those that are undefined', () => {
    expect(() => properties({ a: 2, b: 3 })).toThrow('options.b is odd');
    expect(() => properties({ a: null, b: undefined })).not.toThrow();
  });

  it.each(['c', 'toString', 'constructor', '__proto__'])('knows no %j', (key) => {
    const given = Object.defineProperty({}, key, { enumerable: true, value: undefined });
    expect(complaint(() => properties(given))).toBe(
      `options.${key} is not an option. The options are a, b.`,
    );
  });

  it.each([
    ['timeoutMS', 'timeoutMs'],
    ['timeout', 'timeoutMs'],
    ['TIMEOUTMS', 'timeoutMs'],
    ['onWating', 'onWaiting'],
    ['onWiating', 'onWaiting'],
    ['label', 'labels'],
  ])('knows what %s was to be', (key, meant) => {
    const checks = { timeoutMs: even, onWaiting: even, labels: even };
    expect(complaint(() => checkProperties('options', { [key]: 2 }, checks))).toBe(
      `options.${key} is not an option. Did you mean ${meant}?`,
    );
  });

  it.each(['time', 'onLosing', 'table', 'x'.repeat(10_000)])('does not guess at %s', (key) => {
    const checks = { timeoutMs: even, onWaiting: even, labels: even };
    expect(complaint(() => checkProperties('options', { [key]: 2 }, checks))).toMatch(
      / is not an option\. The options are timeoutMs, onWaiting, labels\.$/,
    );
  });

  it.each([undefined, null, 'a', 7, [], () => 0])('is not %s', (value) => {
    expect(complaint(() => properties(value))).toMatch(/^options must be an object, but is /);
  });
});

describe('a value', () => {
  it('matches what it has to be', () => {
    const short = matching((value) => value.length < 3, 'short');
    expect(of(short, 'ab')).toBeUndefined();
    expect(of(short, 'abc')).toBe('it must be short, but is "abc"');
    expect(of(short, 7)).toBe('it must be short, but is 7');
  });

  it('has a type', () => {
    expect(of(typed('boolean', 'a boolean'), false)).toBeUndefined();
    expect(of(typed('boolean', 'a boolean'), 0)).toBe('it must be a boolean, but is 0');
    expect(of(typed('function', 'a function'), () => 0)).toBeUndefined();
    expect(of(typed('string', 'a string'), undefined)).toBe(
      'it must be a string, but is undefined',
    );
  });

  it('has methods, its own or inherited', () => {
    const both = having(['get', 'set'], 'a map');
    expect(of(both, new Map())).toBeUndefined();
    expect(of(both, { get: () => 0, set: () => 0 })).toBeUndefined();
    for (const value of [new Set(), { get: 1, set: 1 }, null, undefined, 'map']) {
      expect(of(both, value)).toMatch(/^it must be a map, but is /);
    }
  });

  it.each([0.001, 1, 2 ** 31 - 1])('is a duration: %d', (value) => {
    expect(of(checkDuration, value)).toBeUndefined();
  });

  it.each([0, -1, 2 ** 31, NaN, Infinity, '1', null, undefined])('is no duration: %j', (value) => {
    expect(of(checkDuration, value)).toMatch(
      /^it must be a number of milliseconds, more than 0 and at most 2147483647, but is /,
    );
  });

  it('is a signal, of whatever realm', () => {
    expect(of(checkSignal, AbortSignal.abort())).toBeUndefined();
    const rest = { removeEventListener: () => 0, throwIfAborted: () => 0 };
    expect(of(checkSignal, { ...rest, aborted: false, addEventListener: () => 0 })).toBeUndefined();
    const others = [undefined, null, 'x', {}, { aborted: true }, { addEventListener: () => 0 }];
    for (const value of others) expect(of(checkSignal, value)).toContain('must be an AbortSignal');
  });
});

describe('labels and annotations', () => {
  const annotations = annotationsExcept(['mine/own']);

  it('are plain objects of strings', () => {
    for (const value of [{}, Object.create(null), { app: 'x', 'example.com/y': '' }]) {
      expect(of(checkLabels, value)).toBeUndefined();
      expect(of(annotations, value)).toBeUndefined();
    }
    for (const value of [undefined, null, 7, 'app', [], new Map(), new Date()]) {
      expect(of(checkLabels, value)).toContain('it must be a plain object of strings, but is');
      expect(of(annotations, value)).toContain('it must be a plain object of strings, but is');
    }
  });

  it('have qualified names', () => {
    for (const check of [checkLabels, annotations]) {
      expect(of(check, { 'a b': 'x' })).toBe('it key must be a qualified name, but is "a b"');
    }
  });

  it('have values that are allowed', () => {
    expect(of(checkLabels, { app: 'a b' })).toContain('it[app] must be a label value');
    expect(of(checkLabels, { app: 7 })).toContain('it[app] must be a label value');
    expect(of(annotations, { app: 'a b' })).toBeUndefined();
    expect(of(annotations, { app: 7 })).toBe('it[app] must be a string, but is 7');
  });

  it('leave out what the library sets itself', () => {
    expect(of(annotations, { 'mine/own': 'x' })).toBe(
      'it key must be one that this library does not set itself, but is "mine/own"',
    );
  });
});
