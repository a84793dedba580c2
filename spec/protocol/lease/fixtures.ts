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

/** A record that the other elector holds, unless told otherwise. */
export function aRecord(changes: Partial<LeaderElectionRecord> = {}): LeaderElectionRecord {
  return {
    holderIdentity: 'other',
    leaseDurationSeconds: 15,
    acquireTime: '2025-12-31T23:00:00.000000Z',
    renewTime: '2025-12-31T23:59:59.000000Z',
    leaseTransitions: 3,
    ...changes,
  };
}

/** A version of the lock, held by the other elector unless told otherwise. */
export function aVersion(
  resourceVersion: string,
  changes: Partial<LeaderElectionRecord> = {},
  uid = 'uid-1',
): LockVersion {
  return { record: aRecord(changes), resourceVersion, uid };
}

/** What comes of these events, each at its moment. */
export function after(state: State, ...events: (readonly [Event, Moment])[]): State {
  return events.reduce((before, [event, when]) => step(before, event, when), state);
}

/** An elector that begins at 0. */
export function aStart(): State {
  return start(SETTINGS, at(0));
}

/** An elector that read this version at 0, without a watch unless told otherwise. */
export function aFollower(version: LockVersion | undefined, watched = false): State {
  const began: [Event, Moment] = [{ type: 'got', version }, at(0)];
  if (!watched) return after(aStart(), began);
  const failed: Event = { type: 'failed', ambiguous: false };
  const state = after(aStart(), [failed, at(0)], [{ type: 'watch-opened' }, at(0)], began);
  if (!version || state.command.do !== 'wait') return state;
  return after(state, [{ type: 'seen', version }, at(0)]);
}

/** The version by which `aLeader` leads. */
export const MINE = aVersion('10', {
  holderIdentity: 'me',
  acquireTime: '2026-01-01T00:00:00.000000Z',
  renewTime: '2026-01-01T00:00:00.000000Z',
});

/** An elector that leads since 0: its write was decided then, and answered at once. */
export function aLeader(): State {
  const free = aVersion('9', { holderIdentity: '', leaseTransitions: 2 });
  return after(aFollower(free), [{ type: 'written', version: MINE }, at(0)]);
}

/** What its write has stored, if nothing changed it. */
export function storedBy(
  { command }: State,
  resourceVersion: string,
  changes: Partial<LeaderElectionRecord> = {},
  uid = 'uid-1',
): LockVersion {
  if (command.do !== 'create' && command.do !== 'update') throw new Error('writes nothing');
  return { record: { ...command.record, ...changes }, resourceVersion, uid };
}

/** Aside from its clock's, all that an elector has decided to do. */
export function planOf({ phase, command, next }: State): unknown {
  if (command.do === 'wait') return { phase, do: 'wait', untilMs: command.untilMs, next };
  return { phase, do: command.do };
}

export const got = (version?: LockVersion): Event => ({ type: 'got', version });
export const seen = (version: LockVersion): Event => ({ type: 'seen', version });
export const written = (version: LockVersion | 'conflict'): Event => ({ type: 'written', version });
export const timeUp: Event = { type: 'time-up' };
