import { describe, expect, test } from 'vitest';

import type { AuditedRequest } from '../audit-log.ts';
import { takeoversOf } from './takeover.ts';

function write(tokenId: string, answeredTime: number, more: Partial<AuditedRequest> = {}) {
  const of = {
    resource: 'leases',
    namespace: 'arena',
    name: 'lease',
    podUid: undefined,
    resourceVersion: undefined,
  };
  const times = { receivedTime: answeredTime - 1, answeredTime };
  return { id: '', verb: 'update', ...of, tokenId, status: 200, ...times, ...more };
}

describe('takeovers', () => {
  test('last from the last write of one process to the first of another', () => {
    const requests = [
      write('a', 10, { verb: 'create', status: 201 }),
      write('a', 2_000),
      write('a', 2_500),
      write('b', 2_504.25),
      write('b', 4_500),
      write('c', 19_510),
    ];
    expect(takeoversOf(requests, 'lease')).toEqual([
      { sinceLastWriteMs: 4.25, attempts: 1 },
      { sinceLastWriteMs: 15_010, attempts: 1 },
    ]);
  });

  test('take no time when the next leader is answered first', () => {
    const requests = [
      write('b', 104, { receivedTime: 101 }),
      write('a', 105, { receivedTime: 100 }),
      write('b', 2_104),
    ];
    expect(takeoversOf(requests, 'lease')).toEqual([{ sinceLastWriteMs: 0, attempts: 1 }]);
  });

  test('count the writes of all who tried, soon after included', () => {
    const requests = [
      write('a', 100),
      write('c', 104, { status: 409 }),
      write('b', 105),
      write('d', 106, { status: 409 }),
      write('e', 1_105, { status: 409 }),
      write('b', 2_110),
      write('d', 2_111, { status: 409 }),
    ];
    expect(takeoversOf(requests, 'lease')).toEqual([{ sinceLastWriteMs: 5, attempts: 4 }]);
  });

  test('are not made of reads, nor of other Leases', () => {
    const requests = [
      write('a', 100),
      write('b', 101, { verb: 'get' }),
      write('c', 102, { verb: 'watch' }),
      write('d', 103, { name: 'another' }),
      write('b', 110),
    ];
    expect(takeoversOf(requests, 'lease')).toEqual([{ sinceLastWriteMs: 10, attempts: 1 }]);
  });
});
