import type { Clock } from '../platform/clock.ts';
import type { Api } from './api.ts';
import { type Json, child, text } from './json.ts';
import { isDnsLabel } from './names.ts';

const COMPONENT = 'leader-for-life';

const MAX_NAME_LENGTH = 253;

/** Records an Event about an object, as client-go's recorder does (`Normal`, `LeaderElection`). */
export async function createEvent(
  api: Api,
  clock: Clock,
  subject: Json,
  message: string,
): Promise<void> {
  const metadata = child(subject, 'metadata');
  const namespace = namespaceOf(metadata);
  const name = text(metadata, 'name') ?? '';
  const now = clock.date();
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const body = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: eventName(clock, now, name), namespace },
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

/** It becomes part of a path, so an invalid namespace counts as none. */
function namespaceOf(metadata: Json): string {
  const namespace = text(metadata, 'namespace') ?? '';
  return isDnsLabel(namespace) ? namespace : 'default';
}

/** Named after its subject and the time, which a millisecond alone would not make unique. */
function eventName(clock: Clock, now: Date, subject: string): string {
  const nanoseconds = BigInt(now.getTime()) * 1_000_000n + BigInt(drawn(clock, 1_000_000));
  const name = `${subject}.${nanoseconds.toString(16)}`;
  return name.length <= MAX_NAME_LENGTH ? name : clock.uuid();
}

function drawn(clock: Clock, count: number): number {
  return Math.floor(clock.random() * count);
}
