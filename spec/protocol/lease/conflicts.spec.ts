import { describe, expect, it } from 'vitest';

import type { LeaderElectionRecord, LockVersion } from '../../../lib/protocol/lease/record.ts';
import { type Event, type State, start } from '../../../lib/protocol/lease/state.ts';
import { step } from '../../../lib/protocol/lease/step.ts';

const settings = {
  identity: 'me',
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

const at = (nowMs: number) => ({ nowMs, bootMs: nowMs, dateMs: nowMs, random: 0 });

/** A lock that nobody holds, whatever is done about it. */
const free: LockVersion = {
  record: {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: undefined,
    renewTime: undefined,
    leaseTransitions: 3,
  },
  resourceVersion: '7',
};

/** What is read: always the same, or what was written last. */
type Read =
  LockVersion | ((written: LeaderElectionRecord | undefined, count: number) => LockVersion);

/** Lets every write conflict, and tells when each was made. */
function writes(begin: State, read: Read, untilMs: number): number[] {
  const found: number[] = [];
  let written: LeaderElectionRecord | undefined;
  let state = begin;
  let nowMs = 0;
  while (nowMs < untilMs && state.command.do !== 'end' && found.length < 1_000) {
    const { command } = state;
    let event: Event = { type: 'time-up' };
    if (command.do === 'get') {
      event = {
        type: 'got',
        version: read instanceof Function ? read(written, found.length) : read,
      };
    }
    if (command.do === 'wait') nowMs = Math.max(nowMs, command.untilMs);
    if (command.do === 'update' || command.do === 'create') {
      event = { type: 'written', version: 'conflict' };
      written = command.record;
      found.push(nowMs);
    }
    state = step(state, event, at(nowMs));
  }
  return found;
}

/** An elector that leads by a version that it has written. */
function leading(): { readonly state: State; readonly mine: LockVersion } {
  const asking = step(start(settings, at(0)), { type: 'got', version: free }, at(0));
  if (asking.command.do !== 'update') throw new Error('does not ask');
  const mine = { ...free, record: asking.command.record };
  return { state: step(asking, { type: 'written', version: mine }, at(0)), mine };
}

describe('a lock whose every write conflicts', () => {
  it('is tried once more at once, for that is a lost race, then ever more patiently', () => {
    const tries = writes(start(settings, at(0)), free, 6_000);
    expect(tries).toEqual([0, 0, 100, 300, 700, 1_500, 3_100, 5_100]);
  });

  it('is lost by its leader in the end, without a storm of requests', () => {
    const { state, mine } = leading();
    expect(state.phase).toBe('leading');
    const tries = writes(state, mine, 20_000);
    expect(tries.length).toBeGreaterThan(3);
    expect(tries.length).toBeLessThan(20);
    expect(Math.max(...tries)).toBeLessThan(10_000);
  });

  it('is no storm either where each was made: a copy of it, that the network made, was faster', () => {
    const { state, mine } = leading();
    const echo = (record = mine.record, count: number) => ({
      record,
      resourceVersion: String(7 + count),
    });
    const tries = writes(state, echo, 20_000);
    expect(tries.length).toBeGreaterThan(3);
    expect(tries.length).toBeLessThan(20);
  });
});
