import { describe, expect, it } from 'vitest';

import { holderOf, isLeaving, isOver, livenessOf } from '../../lib/protocol/model.ts';
import { aLock, aPod, anEndedPod, lockWithout, ME, RIVAL } from './fixtures.ts';

it.each([
  ['the Pod that owns it, whatever the annotations say', aLock({ mark: ME }), RIVAL],
  ['the Pod in the annotations if the owner was stripped', lockWithout('owner'), RIVAL],
  ['nobody if neither is there', lockWithout('owner', 'mark'), undefined],
])('LIFE-2: the holder of a lock is %s', (_, lock, holder) => {
  expect(holderOf(lock)).toBe(holder);
});

describe('LIFE-4: the liveness of a holder', () => {
  it.each([
    { found: 'unreadable', liveness: 'unknown' },
    { found: 'absent', liveness: 'gone' },
    { found: aPod({ uid: 'another' }), liveness: 'gone' },
    { found: anEndedPod({ uid: 'another' }), liveness: 'gone' },
    { found: aPod({ name: 'renamed' }), liveness: 'alive' },
    { found: aPod(), liveness: 'alive' },
    { found: aPod({ phase: 'Pending', mayRun: false }), liveness: 'alive' },
    { found: aPod({ phase: 'Unknown', mayRun: false }), liveness: 'alive' },
    { found: aPod({ phase: 'Running', mayRun: false }), liveness: 'alive' },
    { found: aPod({ deleting: true }), liveness: 'terminating' },
    { found: aPod({ deleting: true, mayRun: false }), liveness: 'terminating' },
    { found: aPod({ phase: 'Failed' }), liveness: 'finishing' },
    { found: aPod({ phase: 'Succeeded', deleting: true }), liveness: 'finishing' },
    { found: anEndedPod(), liveness: 'finished' },
    { found: anEndedPod({ phase: 'Succeeded' }), liveness: 'finished' },
    { found: anEndedPod({ deleting: true }), liveness: 'finished' },
    { found: anEndedPod({ reason: 'Evicted' }), liveness: 'finished' },
  ] as const)('is $liveness when what is read under its name is $found', ({ found, liveness }) => {
    const reading = { of: RIVAL, found };
    expect(livenessOf(reading)).toBe(liveness);
    expect(isOver(reading)).toBe(liveness === 'gone' || liveness === 'finished');
  });
});

describe('LIFE-1: a Pod that has lost its lock', () => {
  it.each([
    { found: aPod({ deleting: true }), leaving: true },
    { found: aPod({ deleting: true, phase: 'Failed' }), leaving: true },
    { found: aPod({ deleting: true, uid: 'another' }), leaving: false },
    { found: anEndedPod({ deleting: true }), leaving: false },
    { found: aPod(), leaving: false },
    { found: aPod({ phase: 'Failed' }), leaving: false },
    { found: 'absent', leaving: false },
    { found: 'unreadable', leaving: false },
  ] as const)('may still lead while it is being deleted ($leaving for $found)', (row) => {
    expect(isLeaving({ of: RIVAL, found: row.found })).toBe(row.leaving);
  });
});
