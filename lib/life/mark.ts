import type { EventStream } from '../events/stream.ts';
import type { Api } from '../kubernetes/api.ts';
import { type Context, refusedLock } from '../kubernetes/failure.ts';
import { PodMark, explainMark } from '../kubernetes/pod-mark.ts';
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
