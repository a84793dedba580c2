import { expect, test } from 'vitest';

import { tokenIdOf } from './arena.ts';

function token(claims: object): string {
  const parts = [{ alg: 'RS256' }, claims].map((part) => JSON.stringify(part));
  return [...parts, '?'].map((part) => Buffer.from(part).toString('base64url')).join('.');
}

test('a token’s ID is its jti', () => {
  expect(tokenIdOf(token({ sub: 'x', jti: '1e0f' }))).toBe('1e0f');
});

test('a token without one is an error', () => {
  expect(() => tokenIdOf(token({ sub: 'x' }))).toThrow('the token has no jti');
});
