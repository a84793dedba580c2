import { describe, expect, test } from 'vitest';

import { violations } from './checker.ts';
import type { Entry } from './journal.ts';
import { termsOf } from './journal.ts';

let atMs = 0;

function said(event: Entry['event'], pod: string, more: Partial<Entry> = {}): Entry {
  atMs += 10;
  const [uid, run] = [`uid-${pod}`, `run-${pod}`];
  return { event, pod, uid, run, container: 'main', atMs, time: atMs, ...more };
}

function leads(pod: string, fencingToken: string): Entry {
  return said('leading', pod, { fencingToken });
}

describe('the checker', () => {
  test('has nothing against one leader after the other', () => {
    const a = [
      leads('a', '5'),
      said('heartbeat', 'a'),
      said('releasing', 'a'),
      said('released', 'a'),
    ];
    const b = [leads('b', '7'), said('heartbeat', 'b')];
    expect(violations(termsOf([...a, ...b]))).toEqual([]);
  });

  test('sees two Pods that lead at the same time', () => {
    const entries = [leads('a', '5'), leads('b', '7'), said('heartbeat', 'a')];
    expect(violations(termsOf(entries))).toEqual([
      'Pod a (uid-a) and Pod b (uid-b) led at the same time, for 0.0 ms',
    ]);
  });

  test('sees it when the one led all along', () => {
    const entries = [
      leads('a', '5'),
      leads('b', '7'),
      said('heartbeat', 'b'),
      said('heartbeat', 'a'),
    ];
    expect(violations(termsOf(entries))).toEqual([
      'Pod a (uid-a) and Pod b (uid-b) led at the same time, for 10.0 ms',
    ]);
  });

  test('lets all processes of one Pod lead together', () => {
    const entries = [
      leads('a', '5'),
      said('leading', 'a', { run: 'other', fencingToken: '5' }),
      said('heartbeat', 'a'),
    ];
    expect(violations(termsOf(entries))).toEqual([]);
  });

  test('sees a later leader with a smaller token', () => {
    const entries = [leads('a', '10'), leads('b', '9')];
    expect(violations(termsOf(entries))).toEqual([
      'Pod b (uid-b) led with the token 9 after Pod a (uid-a) with 10',
    ]);
  });

  test('sees a lock that another got while a Pod led', () => {
    const entries = [leads('a', '5'), said('heartbeat', 'a')];
    const [from = 0, to = 0] = entries.map(({ time }) => time);
    const own = { podUid: 'uid-a', receivedTime: from - 1, answeredTime: from - 1 };
    const foreign = { podUid: 'uid-b', podName: 'b', receivedTime: from + 1, answeredTime: to - 1 };
    expect(violations(termsOf(entries), { creations: [own, foreign] })).toEqual([
      'Pod b (uid-b) got the lock while Pod a (uid-a) led',
    ]);
  });

  test('sees a leader that never got the lock', () => {
    const entries = [leads('a', '5')];
    const foreign = { podUid: 'uid-b', receivedTime: 0, answeredTime: 1 };
    expect(violations(termsOf(entries), { creations: [foreign] })).toEqual([
      'Pod a (uid-a) led without having created the lock',
    ]);
  });

  test('lets a leader be whose lock an API server created that was killed before it said so', () => {
    const entries = [leads('a', '5')];
    expect(violations(termsOf(entries), { creations: [], isComplete: false })).toEqual([]);
  });
});
