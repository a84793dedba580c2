import type { Api } from '../kubernetes/api.ts';
import { type Json, child, text } from '../kubernetes/json.ts';
import { getPod, podsPath } from '../kubernetes/pod.ts';
import { ObjectWatch } from '../kubernetes/watch.ts';
import { linked } from '../platform/abort.ts';
import type { Clock } from '../platform/clock.ts';
import type { PodIdentity } from '../protocol/model.ts';

const MAX_BACKOFF_MS = 16_000;

/** What is read of Pods, and where. */
export interface PodReader {
  readonly api: Api;
  readonly clock: Clock;
  readonly namespace: string;
}

/**
 * Watches a Pod until `judge` says `yes` or `no`; it is asked about this Pod only. Resolves with that,
 * or with `undecided` when the signal aborts. Throws the API server's refusal.
 */
export async function podVerdict(
  { api, clock, namespace }: PodReader,
  { name, uid }: PodIdentity,
  outer: AbortSignal,
  judge: (pod: Json | 'absent') => 'yes' | 'no' | 'undecided',
): Promise<'yes' | 'no' | 'undecided'> {
  const { controller, end } = linked(outer);
  const { signal } = controller;
  let verdict: ReturnType<typeof judge> = 'undecided';
  let refusal: { readonly error: unknown } | undefined;
  const see = (pod: Json | 'absent') => {
    if (!signal.aborted) verdict = judge(pod);
    if (verdict !== 'undecided') controller.abort();
  };
  const isIt = (pod: Json) => text(child(pod, 'metadata'), 'uid') === uid;
  const refused = (error: unknown) => {
    if (!signal.aborted) refusal = { error };
    controller.abort();
  };
  const read = async () => {
    const get = () => getPod(api, namespace, name, signal, (object) => object);
    const pod = await api.retry(get, { signal, maxBackoffMs: MAX_BACKOFF_MS });
    if (pod !== 'absent') watch.expect();
    see(pod !== 'absent' && isIt(pod) ? pod : 'absent');
  };
  const look = () => void read().catch(refused);
  const listener = {
    // A watch does not show that a Pod is missing.
    onOpen: look,
    // An event about another Pod of the name may be old, so it only asks for a look.
    onEvent: (type: string, pod: Json) => {
      if (isIt(pod)) see(type === 'DELETED' ? 'absent' : pod);
      else look();
    },
    onLost: () => undefined,
    onRefused: refused,
  };
  const target = { path: podsPath(namespace), name };
  const watch = new ObjectWatch(api, clock, target, listener, MAX_BACKOFF_MS);
  await watch.run(signal);
  end();
  if (refusal) throw refusal.error;
  return verdict;
}
