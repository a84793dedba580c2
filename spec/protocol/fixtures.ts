import { type Event, type Settings, type State, start } from '../../lib/protocol/life/state.ts';
import {
  type Lock,
  type Pod,
  type PodIdentity,
  type PodReading,
  holderOf,
} from '../../lib/protocol/model.ts';

export const ME = { name: 'app-0', uid: 'uid-of-app-0' };
export const RIVAL = { name: 'app-1', uid: 'uid-of-app-1' };

export const SETTINGS: Settings = {
  podName: ME.name,
  maxBackoffMs: 16_000,
  trustsPodUid: false,
};

/** A Pod that runs; the rival's unless told otherwise. */
export function aPod(changes: Partial<Pod> = {}): Pod {
  return { ...RIVAL, nodeName: 'n1', phase: 'Running', deleting: false, mayRun: true, ...changes };
}

/** A Pod that has ended, and of which nothing runs; the rival's unless told otherwise. */
export function anEndedPod(changes: Partial<Pod> = {}): Pod {
  return aPod({ phase: 'Failed', mayRun: false, ...changes });
}

/** What a read found under the name of a Pod; of the rival's, which runs, unless told otherwise. */
export function aReading(found: PodReading['found'] = aPod(), of: PodIdentity = RIVAL): PodReading {
  return { of, found };
}

/** What a read said of my own Pod, which runs unless told otherwise. */
export function ofMe(found: PodReading['found'] = aPod(ME)): PodReading {
  return { of: ME, found };
}

/** A lock that the rival's Pod owns, unless told otherwise. */
export function aLock(changes: Partial<Lock> = {}): Lock {
  const lock: Lock = {
    uid: 'lock-1',
    resourceVersion: '7',
    owner: RIVAL,
    mark: RIVAL,
    attempt: 'attempt-1',
    released: false,
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

type Inspected = Event & { readonly type: 'inspected' };

/**
 * The rival's lock as read, with its Pod running and all watches open, unless told otherwise. `holder` is
 * what was found under its holder's name, `pods` are all readings.
 */
export function inspected(
  changes: Partial<Inspected> & { readonly holder?: PodReading['found'] } = {},
): Inspected {
  const { holder = aPod(), ...rest } = changes;
  const lock = 'lock' in rest ? rest.lock : aLock();
  const of = lock && holderOf(lock);
  const pods = of ? [{ of, found: holder }] : [];
  return { type: 'inspected', pods, watched: true, candidateCount: 1, ...rest, lock };
}
