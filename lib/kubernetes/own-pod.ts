import type { EventStream } from '../events/stream.ts';
import { abortable } from '../platform/abort.ts';
import type { Elections } from '../platform/elections.ts';
import type { Platform } from '../platform/platform.ts';
import type { PodOptions } from '../pod-options.ts';
import type { Api } from './api.ts';
import { explainMark, PodMark, type PodMarkOptions } from './pod-mark.ts';
import { explainPreference, Preference } from './preference.ts';
import type { Refused } from './remedy.ts';

/** An election, for what it does with the Pod of its candidate. */
export interface PodParts {
  readonly api: Api;
  readonly platform: Pick<Platform, 'clock' | 'elections'>;
  readonly events: EventStream;
  readonly namespace: string;
  readonly lock: PodMarkOptions['lock'];
  readonly options: PodOptions;
  readonly maxBackoffMs: number;
  readonly refused: Refused;
}

const leaders = new WeakMap<Elections, Map<string, Set<PodMark>>>();

/** The marks of the leaders of a process in this Pod. */
function leadersOf(elections: Elections, pod: string): Set<PodMark> {
  const byPod = leaders.get(elections) ?? new Map<string, Set<PodMark>>();
  const found = byPod.get(pod) ?? new Set<PodMark>();
  leaders.set(elections, byPod.set(pod, found));
  return found;
}

/** The mark of the Pod while it leads; undefined if the options ask for none. */
export function markOf(
  { api, platform, events, namespace, lock, options, maxBackoffMs, refused }: PodParts,
  pod: PodMarkOptions['pod'],
): PodMark | undefined {
  const { label, deletionCost } = options;
  if (label === undefined && deletionCost === undefined) return undefined;
  return new PodMark({
    ...{ api, namespace, label, deletionCost, pod, lock, maxBackoffMs },
    leaders: leadersOf(platform.elections, `${namespace}/${pod.name}`),
    onFailed: (error) => {
      events.degraded('label', explainMark(error, pod.name, refused));
    },
  });
}

/** Removes the mark that an earlier process of this Pod may have left. */
export async function unmark(
  parts: PodParts,
  pod: PodMarkOptions['pod'],
  signal: AbortSignal,
): Promise<void> {
  const mark = markOf(parts, pod);
  try {
    if (mark) await abortable(mark.clear(), signal);
  } finally {
    mark?.close();
  }
}

/** For how long to leave a free lock to preferred candidates; undefined if all are preferred. */
export function yieldMsOf(
  { api, platform, events, namespace, options: { preference }, refused }: PodParts,
  podName: string,
): ((signal: AbortSignal) => Promise<number>) | undefined {
  if (preference === undefined) return undefined;
  const asked = new Preference({
    ...{ api, clock: platform.clock, namespace, podName, preference },
    onFailed: (error) => {
      events.degraded('preference', explainPreference(error, refused));
    },
  });
  return (signal) => asked.yieldMs(signal);
}
