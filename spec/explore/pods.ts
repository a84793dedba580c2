import type { Json } from '../../lib/kubernetes/json.ts';
import { toPod } from '../../lib/kubernetes/pod.ts';
import type { Pod, PodIdentity, PodReading } from '../../lib/protocol/model.ts';
import { letter } from './bounds.ts';

/** A Pod: what the API server says of it, and whether its processes run. */
export interface ModelPod extends PodIdentity {
  readonly object: 'unborn' | 'there' | 'gone';
  readonly deleting: boolean;
  /** It is deleted in the foreground: the garbage collector deletes what it owns at once. */
  readonly foreground: boolean;
  readonly phase: 'Running' | 'Failed';
  /** What its container's status says; a rejected Pod's is wiped. */
  readonly status: 'running' | 'terminated' | 'wiped';
  /** The truth. */
  readonly running: boolean;
}

export function newPod(index: number): ModelPod {
  return {
    name: `pod-${letter(index)}`,
    uid: `uid-${letter(index)}`,
    object: 'there',
    deleting: false,
    foreground: false,
    phase: 'Running',
    status: 'running',
    running: true,
  };
}

/** One that will have the name of the first of these, when that is gone. */
export function successorOf([first = newPod(0)]: readonly ModelPod[]): ModelPod {
  return { ...first, uid: `${first.uid}-2`, object: 'unborn', running: false };
}

const read = new WeakMap<ModelPod, Pod>();

/** As the shipped code reads it. */
function podOf(pod: ModelPod): Pod {
  let found = read.get(pod);
  if (!found) read.set(pod, (found = toPod(objectOf(pod))));
  return found;
}

function objectOf({ name, uid, deleting, phase, status }: ModelPod): Json {
  const state = status === 'running' ? { running: {} } : { terminated: {} };
  return {
    metadata: { name, uid, ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    status: { phase, containerStatuses: status === 'wiped' ? [] : [{ state }] },
  };
}

/** What is there under a Pod's name. */
export function readingOf(pods: readonly ModelPod[], of: PodIdentity): PodReading {
  const there = pods.find(({ name, object }) => name === of.name && object === 'there');
  return { of, found: there ? podOf(there) : 'absent' };
}

export function identityOf({ name, uid }: PodIdentity): PodIdentity {
  return { name, uid };
}

/** What may happen to a Pod next, and how that is told. */
export function podChanges(pod: ModelPod): readonly (readonly [ModelPod, PodChange])[] {
  const changes: (readonly [ModelPod, PodChange])[] = [];
  const { object, running, deleting, foreground, phase, status } = pod;
  if (object !== 'there') return changes;
  if (!deleting) changes.push([{ ...pod, deleting: true }, 'deleted']);
  // Also when it is being deleted already: its grace becomes shorter, no more.
  if (!foreground)
    changes.push([{ ...pod, deleting: true, foreground: true }, 'deleted in the foreground']);
  if (phase === 'Running' && running) changes.push([{ ...pod, phase: 'Failed' }, 'evicted']);
  if (phase === 'Failed' && running && status === 'running') {
    changes.push([{ ...pod, status: 'wiped' }, 'rejected, its statuses wiped']);
  }
  if (running && (deleting || phase === 'Failed')) {
    changes.push([{ ...pod, running: false }, 'its processes end']);
  }
  if (!running && phase === 'Failed' && status !== 'terminated') {
    changes.push([{ ...pod, status: 'terminated' }, 'said to have ended']);
  }
  if (!running && deleting) changes.push([{ ...pod, object: 'gone' }, 'gone']);
  return changes;
}

export type PodChange =
  | 'deleted'
  | 'deleted in the foreground'
  | 'evicted'
  | 'rejected, its statuses wiped'
  | 'its processes end'
  | 'said to have ended'
  | 'gone';
