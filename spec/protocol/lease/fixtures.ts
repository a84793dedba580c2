import { expect, it } from 'vitest';

import { type LeaderElectionRecord, type LockVersion } from '../../../lib/protocol/lease/record.ts';
import {
  type Moment,
  type Event,
  type Settings,
  type State,
  start,
} from '../../../lib/protocol/lease/state.ts';
import { step } from '../../../lib/protocol/lease/step.ts';

export const SETTINGS: Settings = {
  identity: 'me',
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** Wall time when the monotonic clock is at 0. */
export const DATE_MS = Date.UTC(2026, 0, 1);

/** A moment on clocks that agree. */
export function at(nowMs: number, changes: Partial<Moment> = {}): Moment {
  return { nowMs, bootMs: nowMs, dateMs: DATE_MS + nowMs, random: 0, ...changes };
}

/** A version of the lock, held by the other elector unless told otherwise. */
export function aVersion(
  resourceVersion: string,
  changes: Partial<LeaderElectionRecord> = {},
  uid = 'uid-1',
): LockVersion {
  const record = {
    holderIdentity: 'other',
    leaseDurationSeconds: 15,
    acquireTime: '2025-12-31T23:00:00.000000Z',
    renewTime: '2025-12-31T23:59:59.000000Z',
    leaseTransitions: 3,
    ...changes,
  };
  return { record, resourceVersion, uid };
}

export const other = aVersion('9');
export const free = aVersion('9', { holderIdentity: '' });

/** The version by which `aLeader` leads, and others in its name. */
export const MINE = aVersion('10', {
  holderIdentity: 'me',
  acquireTime: '2026-01-01T00:00:00.000000Z',
  renewTime: '2026-01-01T00:00:00.000000Z',
});
export const mine = (resourceVersion: string, changes: Partial<LeaderElectionRecord> = {}) =>
  aVersion(resourceVersion, { ...MINE.record, ...changes });

export const got = (version?: LockVersion): Event => ({ type: 'got', version });
export const seen = (version: LockVersion): Event => ({ type: 'seen', version });
export const gone = (resourceVersion: string): Event => ({ type: 'gone', resourceVersion });
export const written = (version: LockVersion | 'conflict'): Event => ({ type: 'written', version });
export const conflict = written('conflict');
export const timeUp: Event = { type: 'time-up' };
export const finish: Event = { type: 'finish' };
export const opened: Event = { type: 'watch-opened' };
export const closed: Event = { type: 'watch-lost' };
/** A request without an answer: a write may have been carried out. */
export const lost: Event = { type: 'failed', ambiguous: true };
export const refused = (retryAfterMs?: number): Event => ({
  type: 'failed',
  ambiguous: false,
  retryAfterMs,
});

/** What a write of this state has stored, if nothing changed it. */
export function storedBy(
  { command }: State,
  resourceVersion: string,
  changes: Partial<LeaderElectionRecord> = {},
  uid = 'uid-1',
): LockVersion {
  if (command.do !== 'create' && command.do !== 'update') throw new Error('writes nothing');
  return { record: { ...command.record, ...changes }, resourceVersion, uid };
}

/** The answer to a write. */
export const stored =
  (...what: [resourceVersion: string, changes?: Partial<LeaderElectionRecord>, uid?: string]) =>
  (state: State): Event =>
    written(storedBy(state, ...what));

/** Events in their order. A number, or a moment, says when those after it happen. */
export type Story = readonly (number | Moment | Event | ((state: State) => Event))[];

export function after(state: State, ...story: Story): State {
  let when = at(0);
  for (const each of story) {
    if (typeof each === 'number') when = at(each);
    else if (typeof each === 'function') state = step(state, each(state), when);
    else if ('type' in each) state = step(state, each, when);
    else when = each;
  }
  return state;
}

/** An elector that begins at 0. */
export const aStart = () => start(SETTINGS, at(0));

/** An elector that read this version at 0, and watches nothing. */
export const aFollower = (version?: LockVersion) => after(aStart(), got(version));

/** As `aFollower`, with a watch that has shown the version. */
export function aWatcher(version: LockVersion = other): State {
  const state = after(aStart(), refused(), opened, got(version));
  return state.command.do === 'wait' ? after(state, seen(version)) : state;
}

/** An elector that leads since 0: its write was decided then, and answered at once. */
export const aLeader = () =>
  after(aFollower(aVersion('9', { holderIdentity: '', leaseTransitions: 2 })), written(MINE));

/** What an elector does now, or is going to do and when, in words. */
export function planOf({ phase, command, next, loss }: State): string {
  const role = { following: '', leading: 'leads, ', releasing: 'releasing, ', ended: '' }[phase];
  if (command.do === 'wait') {
    return `${role}${next === 'get' ? 'reads' : 'decides'} at ${command.untilMs}`;
  }
  if (command.do === 'end') return loss ? `ends: ${loss.because}` : 'ends';
  const verb = { get: 'reads', create: 'creates', update: 'updates' }[command.do];
  return `${role}${verb}`;
}

/** What happens to an elector, and what it does then: its plan, or a part of its state. */
export type Row = readonly [story: Story, then: string | object];

/** A test for each row, all from the same state. */
export function decisions(from: () => State, rows: Readonly<Record<string, Row>>): void {
  it.each(Object.entries(rows))('%s', (_, [story, then]) => {
    const state = after(from(), ...story);
    if (typeof then === 'string') expect(planOf(state)).toBe(then);
    else expect(state).toMatchObject(then);
  });
}
