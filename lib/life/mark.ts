import type { EventStream } from '../events/stream.ts';
import type { Api } from '../kubernetes/api.ts';
import { type Context, refusedLock } from '../kubernetes/failure.ts';
import { PodMark, explainMark } from '../kubernetes/pod-mark.ts';
import { Preference, explainPreference } from '../kubernetes/preference.ts';
import type { Clock } from '../platform/clock.ts';
import type { Lock } from '../protocol/model.ts';
import type { CheckedOptions } from './options.ts';

/** What an election has that its Pod is marked or preferred with. */
export interface PodParts {
  readonly api: Api;
  readonly clock: Clock;
  readonly options: CheckedOptions;
  readonly context: Context;
  readonly events: EventStream;
}

/** The mark of the Pod that leads by this lock, which is being set; undefined if there is none. */
export function markOf(
  { api, options, context, events }: PodParts,
  podUid: string,
  lock: Lock,
): PodMark | undefined {
  if (!context.pods?.marks) return undefined;
  const { label, deletionCost, maxBackoffMs } = options;
  const { lockName, namespace, podName } = context;
  const mark = new PodMark({
    ...{ api, namespace, label, deletionCost, maxBackoffMs },
    pod: { name: podName, uid: podUid },
    lock: { mode: 'life', name: lockName },
    onFailed: (error) => {
      events.degraded('label', explainMark(error, podName, refusedLock(context)));
    },
  });
  mark.set(lock.resourceVersion);
  return mark;
}

/** For how long to leave a free lock to preferred candidates; undefined if all are preferred. */
export function yieldMsOf({
  api,
  clock,
  options: { preference },
  context,
  events,
}: PodParts): ((signal: AbortSignal) => Promise<number>) | undefined {
  if (preference === undefined) return undefined;
  const { namespace, podName } = context;
  const asked = new Preference({
    ...{ api, clock, namespace, podName, preference },
    onFailed: (error) => {
      events.degraded('preference', explainPreference(error, refusedLock(context)));
    },
  });
  return (signal) => asked.yieldMs(signal);
}
