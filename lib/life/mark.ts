import type { EventStream } from '../events/stream.ts';
import type { Api } from '../kubernetes/api.ts';
import { type Context, refusedLock } from '../kubernetes/failure.ts';
import { PodMark, explainMark } from '../kubernetes/pod-mark.ts';
import { Preference, explainPreference } from '../kubernetes/preference.ts';
import type { Clock } from '../platform/clock.ts';
import type { CheckedOptions } from './options.ts';

/** The mark of the Pod that leads; undefined if the options set none. */
export function markOf(
  api: Api,
  { label, deletionCost, maxBackoffMs }: CheckedOptions,
  context: Context,
  podUid: string,
  events: EventStream,
): PodMark | undefined {
  if (!context.pods?.marks) return undefined;
  const { lockName, namespace, podName } = context;
  return new PodMark({
    ...{ api, namespace, label, deletionCost, maxBackoffMs },
    pod: { name: podName, uid: podUid },
    lock: { mode: 'life', name: lockName },
    onFailed: (error) => {
      events.degraded('label', explainMark(error, podName, refusedLock(context)));
    },
  });
}

/** Which candidates should lead; undefined if the options prefer none. */
export function preferenceOf(
  api: Api,
  clock: Clock,
  { preference }: CheckedOptions,
  context: Context,
  events: EventStream,
): Preference | undefined {
  if (preference === undefined) return undefined;
  const { namespace, podName } = context;
  return new Preference({
    ...{ api, clock, namespace, podName, preference },
    onFailed: (error) => {
      events.degraded('preference', explainPreference(error, refusedLock(context)));
    },
  });
}
