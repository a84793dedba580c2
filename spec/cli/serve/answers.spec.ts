import { describe, expect, test } from 'vitest';

import { type View, answerOf, methods, refusal } from '../../../lib/cli/serve/answers.ts';

const NOW = new Date('2026-01-02T03:04:05.678Z');
const SINCE = new Date('2026-01-01T00:00:00Z');

const waiting: View = {
  node: 'b',
  own: undefined,
  other: { name: 'a', since: SINCE },
  reason: 'held',
  changedAt: SINCE,
  death: undefined,
};
const leading: View = {
  ...waiting,
  own: { since: SINCE, fencingToken: '42' },
  other: undefined,
  reason: 'leading',
};
const unknown: View = { ...waiting, other: undefined, reason: 'api-unavailable' };
const nobody: View = { ...waiting, other: { name: '' }, reason: 'free' };

const statusOf = (path: string, view: View) => answerOf(path, view, NOW)?.status;

describe('GET /', () => {
  test('of a leader', () => {
    expect(answerOf('/', leading, NOW)).toEqual({
      status: 200,
      body: {
        name: 'b',
        last_update: '2026-01-01T00:00:00.000Z',
        is_leader: true,
        leader: 'b',
        node: 'b',
        timestamp: '2026-01-02T03:04:05.678Z',
        fencingToken: '42',
        since: '2026-01-01T00:00:00.000Z',
        reason: 'leading',
      },
    });
  });

  test('of a candidate that waits', () => {
    const body = { name: 'a', leader: 'a', node: 'b', is_leader: false, fencingToken: null };
    expect(answerOf('/', waiting, NOW)).toMatchObject({ status: 200, body });
  });

  test('while nobody leads', () => {
    const body = { name: '', leader: '', is_leader: false, since: null, reason: 'free' };
    expect(answerOf('/', nobody, NOW)).toMatchObject({ status: 200, body });
  });

  test('is 503, without a name, while it is not known who leads', () => {
    const body = { name: '', leader: '', is_leader: false, reason: 'api-unavailable' };
    expect(answerOf('/', unknown, NOW)).toMatchObject({ status: 503, body });
  });
});

test('GET /leader is 200 for the leader only', () => {
  const found = [leading, waiting, nobody, unknown].map((view) => statusOf('/leader', view));
  expect(found).toEqual([200, 503, 503, 503]);
});

describe('the probes', () => {
  test('do not depend on who leads, or on whether that is known', () => {
    for (const view of [leading, waiting, nobody, unknown]) {
      expect([statusOf('/livez', view), statusOf('/readyz', view)]).toEqual([200, 200]);
    }
  });

  test('fail for liveness once the election has died', () => {
    const dead: View = { ...waiting, death: 'no rights' };
    expect(answerOf('/livez', dead, NOW)).toEqual({
      status: 500,
      body: 'the election has died: no rights\n',
    });
  });
});

describe('other requests', () => {
  test('for other paths are 404, and told what there is', () => {
    expect(refusal('GET', '/toString')).toMatchObject({ status: 404 });
    expect(refusal('GET', '/x')?.body).toContain(Object.keys(methods).join(', '));
  });

  test('with other methods are 405', () => {
    expect(refusal('POST', '/')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(refusal('GET', '/step-down')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(refusal('HEAD', '/livez')).toBeUndefined();
  });
});
