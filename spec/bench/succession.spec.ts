import { describe, expect, test } from 'vitest';

import type { Entry } from '../scenarios/journal.ts';
import type { AuditedRequest } from './audit-log.ts';
import { goalsOf, handoversOf, outagesOf } from './succession.ts';

function request(verb: string, answeredTime: number, more: Partial<AuditedRequest> = {}) {
  const of = {
    resource: 'configmaps',
    namespace: 'arena',
    name: 'lock',
    podUid: undefined,
    tokenId: undefined,
    resourceVersion: undefined,
  };
  const status = verb === 'create' ? 201 : 200;
  return { id: '', verb, ...of, status, receivedTime: answeredTime - 1, answeredTime, ...more };
}

function entry(run: string, event: Entry['event'], atMs: number): Entry {
  return { event, pod: run, uid: run, container: 'main', run, atMs, time: atMs };
}

describe('handovers', () => {
  test('last from each deletion of the lock to the creation after it', () => {
    const requests = [
      request('create', 10),
      request('delete', 100),
      request('create', 105.25),
      request('delete', 200),
      request('create', 900),
    ];
    expect(handoversOf(requests, 'lock')).toEqual([5.25, 700]);
  });

  test('take no time when the creation is answered before the deletion', () => {
    const requests = [
      request('create', 104, { receivedTime: 101 }),
      request('delete', 105, { receivedTime: 100 }),
      request('delete', 200),
      request('create', 206),
    ];
    expect(handoversOf(requests, 'lock')).toEqual([0, 6]);
  });

  test('are not made of what was refused, nor of other objects', () => {
    const requests = [
      request('delete', 100),
      request('delete', 101, { status: 404 }),
      request('create', 102, { status: 409 }),
      request('create', 103, { name: 'kube-root-ca.crt' }),
      request('create', 104, { resource: 'pods' }),
      request('get', 105),
      request('create', 110),
      request('create', 111),
    ];
    expect(handoversOf(requests, 'lock')).toEqual([10]);
  });
});

describe('outages', () => {
  test('last from the end of a leader to the first act of the next', () => {
    const entries = [
      entry('a', 'start', 0),
      entry('a', 'leading', 1),
      entry('a', 'heartbeat', 50),
      entry('a', 'sigterm', 60),
      entry('a', 'exit', 61),
      entry('c', 'start', 100),
      entry('b', 'start', 0),
      entry('b', 'waiting', 2),
      entry('b', 'leading', 211),
      entry('b', 'exit', 300),
      entry('c', 'leading', 1_300),
    ];
    expect(outagesOf(entries)).toEqual([150, 1_000]);
  });

  test('begin when a leader that releases stops working, not when its process ends', () => {
    const entries = [
      entry('a', 'leading', 1),
      entry('a', 'releasing', 60),
      entry('a', 'released', 75),
      entry('a', 'exit', 90),
      entry('b', 'leading', 80),
    ];
    expect(outagesOf(entries)).toEqual([20]);
  });

  test('would be negative if two led at once', () => {
    const entries = [entry('a', 'leading', 1), entry('b', 'leading', 50), entry('a', 'exit', 60)];
    expect(outagesOf(entries)).toEqual([-10]);
  });

  test('are unknown for who never said that it ended', () => {
    expect(outagesOf([entry('a', 'leading', 1), entry('b', 'leading', 50)])).toEqual([]);
  });
});

test('goals compare medians of the same run', () => {
  const succession = (program: string, handoverMs: number[], outageMs: number[]) => ({
    program,
    handoverMs,
    outageMs,
  });
  const goals = goalsOf([
    succession('leader-for-life', [5, 6, 100], [100, 260, 300]),
    succession('operator-lib', [90, 110, 700], [1_600]),
    succession('bare client', [4, 5, 5], [1_000]),
  ]);
  expect(goals.map(({ measured, isMet }) => ({ measured, isMet }))).toEqual([
    { measured: '18 times', isMet: false },
    { measured: '260 ms', isMet: false },
    { measured: '1.20 times', isMet: true },
  ]);
});
