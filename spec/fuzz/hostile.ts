/** What nobody means to send, as values and as texts. */
import fc from 'fast-check';

/** Texts that break out of a line, of a terminal, of a reading direction, of a path or of a name. */
export const hostileTexts: readonly string[] = [
  ...['', ' ', '\n', 'a\nb: INJECTED', 'a\r\nINJECTED: yes', '\u0000', '\ufeffbom', '\ud800'],
  ...['\u001b[2J\u001b[31mINJECTED\u001b[0m', '\u009b31mINJECTED', '\u202eDETCEJNI\u202c'],
  ...['\u2066INJECTED\u2069', '\u200f\u061cINJECTED', 'a\u2028INJECTED\u2029'],
  ...['e\u0301\u200d\u{e0041}', '../../../secrets/token', 'a/b?watch=true#c', '%2e%2e%2f%00'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '%s%d%j%o%O%c'],
  ...['${jndi:ldap://example.com}', 'a'.repeat(254), 'x'.repeat(100_000), '2026-13-45T99:99:99Z'],
  ...['-1', '0x10', '1e400', '9'.repeat(400), 'NaN', 'null'],
];

const hostileNumbers: readonly number[] = [
  ...[-1, -0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 2 ** 53, -(2 ** 63), Number.MAX_VALUE, Number.MIN_VALUE],
];

/** JSON texts: also those that no `JSON.stringify` writes. */
export const hostileJson: readonly string[] = [
  ...hostileTexts.map((text) => JSON.stringify(text)),
  ...['null', 'true', 'false', '{}', '[]', '[[]]', '[null]', '{"":""}', '-0', '1e400', '-1e400'],
  ...['9007199254740993', '1'.repeat(400), '0.1e-400', '2147483648', '-1', '1.5'],
  ...['{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}'],
  '{"toString":1,"valueOf":2}',
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
];

/** Any value of JavaScript that could be where another belongs. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.constantFrom(...hostileNumbers),
  fc.constantFrom<unknown>(null, true, false, 0n, 2n ** 64n, Symbol('hostile\nsymbol')),
  fc
    .constantFrom<() => unknown>(
      () => ({}),
      () => [],
      () => Object.create(null) as unknown,
      () => new Date(Number.NaN),
      () => new Map(),
      () => () => undefined,
      () => Promise.resolve(),
      () => JSON.parse('{"__proto__":{"polluted":true}}') as unknown,
      () => ({ toString: 1, valueOf: 2 }),
      () => new Proxy({}, {}),
    )
    .map((make) => make()),
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.bigInt(),
  fc.jsonValue(),
);

/** Values for the names that an object may have, and for some that it may not. */
export function hostileChanges(names: readonly string[], value = hostileValue) {
  const name = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...names) },
    { weight: 1, arbitrary: fc.constantFrom('constructor', '__proto__', 'a\nb', 'toString', '') },
  );
  return fc.dictionary(name, value, { maxKeys: 3 });
}
