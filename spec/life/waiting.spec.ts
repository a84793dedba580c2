import { describe, expect, it } from 'vitest';

import { describeWaiting } from '../../lib/life/waiting.ts';
import { ME, RIVAL, aLock, aPod, aReading, aState, lockWithout } from '../protocol/fixtures.ts';

const held = { lock: aLock(), holder: aReading() };
const who = { holder: 'app-1', holderPod: 'app-1', holderUid: 'uid-of-app-1' };
const seen = { ...who, holderNode: 'n1', holderPhase: 'Running' };

describe('what people are told of a wait', () => {
  it.each([
    ['alive', 'held', 'Pod app-1 on node n1 leads'],
    ['unknown', 'held', 'Pod app-1 on node n1 leads'],
    ['terminating', 'holder-terminating', 'Pod app-1 on node n1 leads, and is terminating'],
    [
      'finishing',
      'holder-finishing',
      'Pod app-1 on node n1 has ended, but a container of it is still said to run',
    ],
    [
      'finished',
      'holder-finished',
      'Pod app-1 on node n1 has ended; its lock is about to be taken over',
    ],
    ['gone', 'holder-gone', 'Pod app-1 on node n1 is gone; its lock is about to be freed'],
    ['node-not-ready', 'node-not-ready', 'Pod app-1 on node n1 leads, and its node is not ready'],
    [
      'lock-deleting',
      'lock-deleting',
      'the lock is being deleted, but finalizers keep it: a/b, c/d',
    ],
    ['quota', 'quota-exceeded', 'a quota of the namespace does not allow another ConfigMap'],
    ['none', 'free', 'nobody holds the lock'],
  ] as const)('while the obstacle is %s', (obstacle, reason, message) => {
    const lock = aLock({ finalizers: ['a/b', 'c/d'] });
    expect(describeWaiting(aState({ ...held, lock, obstacle }), undefined)).toEqual({
      reason,
      message,
      ...seen,
    });
  });

  it('is one line, whatever the API server says', () => {
    const hostile = 'a\n\u001b[31m\u202eINJECTED';
    const lock = aLock({ finalizers: [hostile] });
    const deleting = describeWaiting(
      aState({ ...held, lock, obstacle: 'lock-deleting' }),
      undefined,
    );
    expect(deleting.message).toMatch(/keep it: a {2}\[31m INJECTED$/);
    const holder = aReading(aPod({ nodeName: hostile }));
    const alive = describeWaiting(aState({ ...held, holder, obstacle: 'alive' }), undefined);
    expect(alive.message).toBe('Pod app-1 on node a  [31m INJECTED leads');
    // Programs get it as it is.
    expect(alive.holderNode).toBe(hostile);
  });

  it('has no Pod once the lock was released', () => {
    const lock = aLock({ released: true });
    const state = aState({ lock, holder: undefined, obstacle: 'released' });
    expect(describeWaiting(state, undefined)).toEqual({
      reason: 'released',
      message: 'the last leader has released the lock; it is about to be deleted',
    });
  });

  it('has the predecessor that is waited for while the lock is held by this Pod', () => {
    const lock = aLock({ owner: ME, mark: ME });
    const holder = aReading(aPod({ deleting: true }));
    const state = aState({ lock, holder, predecessors: [RIVAL], obstacle: 'terminating' });
    expect(describeWaiting(state, undefined)).toEqual({
      reason: 'holder-terminating',
      message: 'Pod app-1 on node n1 leads, and is terminating',
      ...seen,
    });
  });

  it('has no Pod while nobody holds the lock', () => {
    const state = aState({ lock: undefined, holder: undefined, obstacle: 'none' });
    expect(describeWaiting(state, undefined)).toEqual({
      reason: 'free',
      message: 'nobody holds the lock',
    });
  });

  it('has only what the lock says while the Pod was not read', () => {
    const state = aState({ lock: aLock(), holder: aReading('unreadable'), obstacle: 'unknown' });
    expect(describeWaiting(state, undefined)).toEqual({
      reason: 'held',
      message: 'Pod app-1 leads',
      ...who,
    });
  });

  it('has what our annotations say where the owner reference was stripped', () => {
    const state = aState({
      lock: lockWithout('owner'),
      holder: aReading('absent'),
      obstacle: 'gone',
    });
    expect(describeWaiting(state, undefined)).toMatchObject(who);
  });

  it('does not take a Pod that has the name of the holder for the holder', () => {
    const found = aPod({ uid: 'successor', nodeName: 'n2', phase: 'Pending' });
    const holder = aReading(found);
    const state = aState({ lock: aLock(), holder, obstacle: 'gone' });
    expect(describeWaiting(state, undefined)).toEqual({
      reason: 'holder-gone',
      message: 'Pod app-1 is gone; its lock is about to be freed',
      ...who,
    });
  });

  it('has no node before there is one', () => {
    const { nodeName: _, ...found } = aPod({ phase: 'Pending' });
    const holder = aReading(found);
    expect(describeWaiting(aState({ ...held, holder, obstacle: 'alive' }), undefined)).toEqual({
      reason: 'held',
      message: 'Pod app-1 leads',
      ...who,
      holderPhase: 'Pending',
    });
  });

  it('has another Pod where nobody knows which', () => {
    const state = aState({ lock: undefined, holder: undefined, obstacle: 'alive' });
    expect(describeWaiting(state, undefined).message).toBe('Pod another Pod leads');
  });

  it('has no finalizers where nobody knows which', () => {
    const state = aState({ lock: undefined, holder: undefined, obstacle: 'lock-deleting' });
    expect(describeWaiting(state, undefined).message).toBe(
      'the lock is being deleted, but finalizers keep it: ',
    );
  });

  it('has the trouble first, and whatever is known besides', () => {
    const trouble = new Error('GET /x: connect ECONNREFUSED');
    expect(describeWaiting(aState({ ...held, obstacle: 'alive' }), trouble)).toEqual({
      reason: 'api-unavailable',
      message: 'GET /x: connect ECONNREFUSED',
      ...seen,
    });
  });
});
