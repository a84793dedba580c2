import { describe, expect, it } from 'vitest';

import { holderOf, livenessOf } from '../../lib/protocol/model.ts';
import { aLock, aPod, lockWithout, ME, RIVAL } from './fixtures.ts';

describe('the holder of a lock', () => {
  it('is the Pod that owns it, whatever the annotations say', () => {
    expect(holderOf(aLock({ owner: RIVAL, mark: ME }))).toBe(RIVAL);
  });

  it('is the Pod in the annotations once the owner reference was stripped', () => {
    expect(holderOf(lockWithout('owner'))).toBe(RIVAL);
  });

  it('is nobody if neither says so', () => {
    expect(holderOf(lockWithout('owner', 'mark'))).toBeUndefined();
  });
});

describe('the liveness of a holder', () => {
  it.each([
    { reading: 'unreadable', liveness: 'unknown' },
    { reading: 'absent', liveness: 'gone' },
    { reading: aPod({ uid: 'another' }), liveness: 'gone' },
    { reading: aPod({ uid: 'another', phase: 'Failed', running: false }), liveness: 'gone' },
    { reading: aPod({ name: 'renamed' }), liveness: 'alive' },
    { reading: aPod(), liveness: 'alive' },
    { reading: aPod({ phase: 'Pending', running: false }), liveness: 'alive' },
    { reading: aPod({ phase: 'Unknown', running: false }), liveness: 'alive' },
    { reading: aPod({ phase: 'Running', running: false }), liveness: 'alive' },
    { reading: aPod({ deleting: true }), liveness: 'terminating' },
    { reading: aPod({ deleting: true, running: false }), liveness: 'terminating' },
    { reading: aPod({ phase: 'Failed' }), liveness: 'finishing' },
    { reading: aPod({ phase: 'Succeeded', deleting: true }), liveness: 'finishing' },
    { reading: aPod({ phase: 'Failed', running: false }), liveness: 'finished' },
    { reading: aPod({ phase: 'Succeeded', running: false }), liveness: 'finished' },
    { reading: aPod({ phase: 'Failed', running: false, deleting: true }), liveness: 'finished' },
    {
      reading: aPod({ phase: 'Failed', running: false, reason: 'Evicted' }),
      liveness: 'finished',
    },
  ] as const)('is $liveness when what is read under its name is $reading', (row) => {
    expect(livenessOf(RIVAL, row.reading)).toBe(row.liveness);
  });
});
