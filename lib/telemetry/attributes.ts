import type { EventSubject } from '../events/event.ts';
import type { Labels } from './families.ts';
import type { Attributes } from './telemetry.ts';

/** The Pod of this process, as far as it is known. */
export interface Pod {
  readonly podName?: string | undefined;
  readonly podUid?: string | undefined;
}

const names: Labels = {
  name: 'leader_election.name',
  namespace: 'k8s.namespace.name',
  mode: 'leader_election.mode',
  code: 'error.type',
  reason: 'leader_election.reason',
  what: 'leader_election.degradation',
};

/** Labels as attributes of a metric. */
export function attributesOf(labels: Labels): Attributes {
  return Object.fromEntries(
    Object.entries(labels).map(([label, value]) => [names[label] ?? label, value]),
  );
}

/** The attributes of a span or a log: these may say who it is. In life mode that is the Pod. */
export function identifyingAttributes(
  { name, namespace, mode, identity }: EventSubject,
  { podName = mode === 'life' && identity !== '' ? identity : undefined, podUid }: Pod,
): Attributes {
  return {
    ...attributesOf({ name, namespace, mode }),
    ...(identity !== '' && { 'leader_election.identity': identity }),
    ...(podName !== undefined && { 'k8s.pod.name': podName }),
    ...(podUid !== undefined && { 'k8s.pod.uid': podUid }),
  };
}
