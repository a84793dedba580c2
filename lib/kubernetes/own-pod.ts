import type { EventStream } from '../events/stream.ts';
import type { Clock } from '../platform/clock.ts';
import type { PodOptions } from '../pod-options.ts';
import type { Api } from './api.ts';
import { explainMark, PodMark, type PodMarkOptions } from './pod-mark.ts';
import { explainPreference, Preference } from './preference.ts';
import type { Refused } from './remedy.ts';

/** An election, for what it does with the Pod of its candidate. */
export interface PodParts {
  readonly api: Api;
  readonly clock: Clock;
  readonly events: EventStream;
  readonly namespace: string;
  readonly lock: PodMarkOptions['lock'];
  readonly options: PodOptions;
  readonly maxBackoffMs: number;
  readonly refused: Refused;
}

/** The mark of the Pod while it leads; undefined if the options ask for none. */
export function markOf(
  { api, events, namespace, lock, options, maxBackoffMs, refused }: PodParts,
  pod: PodMarkOptions['pod'],
): PodMark | undefined {
  const { label, deletionCost } = options;
  if (label === undefined && deletionCost === undefined) return undefined;
  return new PodMark({
    ...{ api, namespace, label, deletionCost, pod, lock, maxBackoffMs },
    onFailed: (error) => {
      events.degraded('label', explainMark(error, pod.name, refused));
    },
  });
}

/** For how long to leave a free lock to preferred candidates; undefined if all are preferred. */
export function yieldMsOf(
  { api, clock, events, namespace, options: { preference }, refused }: PodParts,
  podName: string,
): ((signal: AbortSignal) => Promise<number>) | undefined {
  if (preference === undefined) return undefined;
  const asked = new Preference({
    ...{ api, clock, namespace, podName, preference },
    onFailed: (error) => {
      events.degraded('preference', explainPreference(error, refused));
    },
  });
  return (signal) => asked.yieldMs(signal);
}
