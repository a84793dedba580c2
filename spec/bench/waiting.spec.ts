import { describe, expect, test } from 'vitest';

import type { AuditedRequest } from './audit-log.ts';
import { goalsOf, perHour, requestsWithin } from './waiting.ts';

function request(podUid: string | undefined, receivedTime: number, verb = 'get'): AuditedRequest {
  const of = { resource: 'pods', namespace: 'arena', name: 'x' };
  const token = { podUid, tokenId: undefined, resourceVersion: undefined };
  return { id: '', verb, ...of, ...token, status: 200, receivedTime, answeredTime: 999_999 };
}

describe('the requests of waiting candidates', () => {
  test('are those in the window; those before it are counted apart', () => {
    const requests = [
      request('a', 10),
      request('a', 20),
      request('b', 30),
      request('a', 100),
      request('b', 150, 'create'),
      request('b', 160, 'create'),
      request('b', 201),
      request('leader', 150),
      request(undefined, 150),
    ];
    expect(requestsWithin(requests, ['a', 'b'], 100, 200)).toEqual({
      windowMs: 100,
      before: [2, 1],
      within: [1, 2],
      kinds: { 'get pods': 1, 'create pods': 2 },
    });
  });

  test('are extrapolated to an hour of one candidate', () => {
    expect(perHour({ within: [70, 74], windowMs: 300_000 })).toBe(864);
  });
});

describe('the goal of fewer requests', () => {
  const waiting = (program: string, within: number[]) => {
    return { program, windowMs: 300_000, before: [], within, kinds: {} };
  };

  test('reckons with what the window was too short to show', () => {
    const all = [waiting('leader-for-life', [0, 0]), waiting('operator-lib', [72, 72])];
    expect(goalsOf(all, 10)).toMatchObject([{ measured: '86 times', isMet: true }]);
  });

  test('reckons with what was counted if that is more', () => {
    const all = [waiting('leader-for-life', [4, 4]), waiting('operator-lib', [72, 72])];
    expect(goalsOf(all, 10)).toMatchObject([{ measured: '18 times', isMet: false }]);
  });
});
