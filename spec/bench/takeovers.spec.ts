import { expect, test } from 'vitest';

import type { AuditedRequest } from './audit-log.ts';
import { audited } from './audited.ts';
import { handoversOf, requestsAround, takeoversOf } from './takeovers.ts';

/** A write of a Lease by the process with that token. */
function write(tokenId: string, answeredTime: number, more: Partial<AuditedRequest> = {}) {
  return audited('update', answeredTime, { resource: 'leases', tokenId, ...more });
}

test.each([
  {
    what: 'lasts from a deletion of the lock to the creation after it',
    requests: [
      audited('create', 10),
      audited('delete', 100),
      audited('create', 105.25),
      audited('delete', 200),
      audited('create', 900),
    ],
    expected: [5.25, 700],
  },
  {
    what: 'takes no time if the creation is answered before the deletion',
    requests: [
      audited('create', 104, { receivedTime: 101 }),
      audited('delete', 105, { receivedTime: 100 }),
      audited('delete', 200),
      audited('create', 206),
    ],
    expected: [0, 6],
  },
  {
    what: 'is not made of what was refused, nor of other objects',
    requests: [
      audited('delete', 100),
      audited('delete', 101, { status: 404 }),
      audited('create', 102, { status: 409 }),
      audited('create', 103, { name: 'kube-root-ca.crt' }),
      audited('create', 104, { resource: 'pods' }),
      audited('get', 105),
      audited('create', 110),
      audited('create', 111),
    ],
    expected: [10],
  },
])('a handover $what', ({ requests, expected }) => {
  expect(handoversOf(requests, 'lock')).toEqual(expected);
});

test.each([
  {
    what: 'lasts from the last write of one process to the first of another',
    requests: [
      write('a', 10, { verb: 'create', status: 201 }),
      write('a', 2_000),
      write('a', 2_500),
      write('b', 2_504.25),
      write('b', 4_500),
      write('c', 19_510),
    ],
    expected: [
      { sinceLastWriteMs: 4.25, attempts: 1 },
      { sinceLastWriteMs: 15_010, attempts: 1 },
    ],
  },
  {
    what: 'takes no time if the next leader is answered first',
    requests: [
      write('b', 104, { receivedTime: 101 }),
      write('a', 105, { receivedTime: 100 }),
      write('b', 2_104),
    ],
    expected: [{ sinceLastWriteMs: 0, attempts: 1 }],
  },
  {
    what: 'counts the writes of all processes that tried, also soon afterwards',
    requests: [
      write('a', 100),
      write('c', 104, { status: 409 }),
      write('b', 105),
      write('d', 106, { status: 409 }),
      write('e', 1_105, { status: 409 }),
      write('b', 2_110),
      write('d', 2_111, { status: 409 }),
    ],
    expected: [{ sinceLastWriteMs: 5, attempts: 4 }],
  },
  {
    what: 'is not made of reads, nor of other Leases',
    requests: [
      write('a', 100),
      write('b', 101, { verb: 'get' }),
      write('c', 102, { verb: 'watch' }),
      write('d', 103, { name: 'another' }),
      write('b', 110),
    ],
    expected: [{ sinceLastWriteMs: 10, attempts: 1 }],
  },
])('a takeover $what', ({ requests, expected }) => {
  expect(takeoversOf(requests, 'lock')).toEqual(expected);
});

test('requests around a window are those before and in it, by when they came in', () => {
  const times = [99, 100, 200, 201];
  const requests = [
    ...times.map((receivedTime) => write('a', 999, { receivedTime })),
    write('b', 999, { receivedTime: 150 }),
  ];
  const window = { startTime: 100, endTime: 200 };
  const { before, within } = requestsAround(requests, window, ({ tokenId }) => tokenId === 'a');
  expect(before.map(({ receivedTime }) => receivedTime)).toEqual([99]);
  expect(within.map(({ receivedTime }) => receivedTime)).toEqual([100, 200]);
});
