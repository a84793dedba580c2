import type { Clock } from '../clock.ts';
import type { Api } from './api.ts';
import { type Json, child, text } from './json.ts';

const COMPONENT = 'leader-for-life';

/** Records an Event about an object, as client-go's recorder does (`Normal`, `LeaderElection`). */
export async function createEvent(
  api: Api,
  clock: Clock,
  subject: Json,
  message: string,
): Promise<void> {
  const metadata = child(subject, 'metadata');
  const namespace = text(metadata, 'namespace') ?? 'default';
  const name = text(metadata, 'name') ?? '';
  const now = clock.date();
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const body = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${nanoseconds(clock, now).toString(16)}`, namespace },
    involvedObject: {
      apiVersion: text(subject, 'apiVersion'),
      kind: text(subject, 'kind'),
      namespace,
      name,
      uid: text(metadata, 'uid'),
      resourceVersion: text(metadata, 'resourceVersion'),
    },
    reason: 'LeaderElection',
    message,
    type: 'Normal',
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
  const path = `/api/v1/namespaces/${namespace}/events`;
  await api.request({ method: 'POST', path, body }, () => undefined);
}

/** What makes the name of an Event: the time, which a millisecond alone would not make unique. */
function nanoseconds(clock: Clock, now: Date): bigint {
  return BigInt(now.getTime()) * 1_000_000n + BigInt(Math.floor(clock.random() * 1_000_000));
}
