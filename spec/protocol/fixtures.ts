import type { Lock, Pod } from '../../lib/protocol/model.ts';
import { type State, type Settings, start } from '../../lib/protocol/for-life.ts';

export const ME = { name: 'app-0', uid: 'uid-of-app-0' };
export const RIVAL = { name: 'app-1', uid: 'uid-of-app-1' };

export const SETTINGS: Settings = { podName: ME.name, maxBackoffMs: 16_000 };

/** A Pod that runs; the rival's unless told otherwise. */
export function aPod(changes: Partial<Pod> = {}): Pod {
  return { ...RIVAL, nodeName: 'n1', phase: 'Running', deleting: false, running: true, ...changes };
}

/** A lock that the rival's Pod owns, unless told otherwise. */
export function aLock(changes: Partial<Lock> = {}): Lock {
  const lock: Lock = {
    uid: 'lock-1',
    resourceVersion: '7',
    owner: RIVAL,
    mark: RIVAL,
    attempt: 'attempt-1',
    deleting: false,
    finalizers: [],
  };
  return { ...lock, ...changes };
}

/** A state in the middle of a campaign. */
export function aState(changes: Partial<State> = {}): State {
  return { ...start(SETTINGS, ME.uid), ...changes };
}

/** As `aLock`, without some of its fields. */
export function lockWithout(...fields: ('owner' | 'mark' | 'attempt')[]): Lock {
  const entries = Object.entries(aLock()).filter(([key]) => !fields.some((field) => field === key));
  return Object.fromEntries(entries) as unknown as Lock;
}
