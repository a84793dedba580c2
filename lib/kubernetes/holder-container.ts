/**
 * The container in which a Lease's holder runs: the annotations by which the holder tells, and what
 * the status of its Pod says about it.
 */
import type { HolderContainer, LeaderElectionRecord } from '../protocol/lease/record.ts';
import { isOver } from '../protocol/model.ts';
import { type Json, child, isObject, list, text } from './json.ts';
import { isDnsSubdomain } from './names.ts';
import { containerStatuses, toPod } from './pod.ts';
import { STEP_DOWN } from './step-down.ts';

const keys = {
  podName: 'leader-for-life/pod-name',
  podUid: 'leader-for-life/pod-uid',
  containerName: 'leader-for-life/container-name',
  containerId: 'leader-for-life/container-id',
  since: 'leader-for-life/since',
} as const satisfies Record<keyof HolderContainer, string>;

/**
 * The holder and the `renewTime` of the write that the annotations belong to. Other electors keep
 * annotations that they do not know when they replace the record.
 */
const WRITTEN = 'leader-for-life/written';

const own: readonly string[] = [...Object.values(keys), WRITTEN];

/** Annotations of a Lease that users may not set. */
export const reservedLeaseAnnotations: readonly string[] = [...own, STEP_DOWN];

/** The annotations of a Lease whose record this elector writes. */
export function annotated(
  annotations: Json,
  record: LeaderElectionRecord,
  container: HolderContainer | undefined,
): Json {
  const others = Object.entries(annotations).filter(([key]) => !own.includes(key));
  const ours =
    container && record.holderIdentity !== ''
      ? Object.entries(keys).map(([field, key]) => [key, container[field as keyof typeof keys]])
      : [];
  const written = ours.length > 0 ? [[WRITTEN, writeOf(record)]] : [];
  return Object.fromEntries([...others, ...ours, ...written]) as Json;
}

function writeOf({ holderIdentity, renewTime = '' }: LeaderElectionRecord): string {
  return `${renewTime} ${holderIdentity}`;
}

/** The container whose process wrote this record of a Lease, if that says so. */
export function containerOf(
  annotations: Json,
  record: LeaderElectionRecord,
): HolderContainer | undefined {
  const [podName, podUid] = [text(annotations, keys.podName), text(annotations, keys.podUid)];
  const containerId = text(annotations, keys.containerId);
  const since = text(annotations, keys.since);
  if (!podName || !podUid || !containerId || !since) return undefined;
  const isIts = record.holderIdentity !== '' && text(annotations, WRITTEN) === writeOf(record);
  if (!isIts) return undefined;
  // It becomes part of a path.
  if (!isDnsSubdomain(podName)) return undefined;
  const containerName = text(annotations, keys.containerName) ?? '';
  return { podName, podUid, containerName, containerId, since };
}

function statusesOf(pod: Json): readonly unknown[] {
  return containerStatuses.flatMap((key) => list(child(pod, 'status'), key));
}

/** Whether several containers of the Pod run at a time. */
export function hasSeveral(pod: Json): boolean {
  const spec = child(pod, 'spec');
  const sidecars = list(spec, 'initContainers').filter(
    (container) => text(container, 'restartPolicy') === 'Always',
  );
  return list(spec, 'containers').length + sidecars.length > 1;
}

/** The running container of this name or, without a name, the only one that runs. */
export function runningContainer(
  pod: Json,
  name: string | undefined,
): Pick<HolderContainer, 'containerName' | 'containerId'> | undefined {
  const running = statusesOf(pod).filter((status) => {
    const isNamed = name === undefined || text(status, 'name') === name;
    return isNamed && isObject(child(status, 'state')['running']);
  });
  const [containerName, containerId] = [text(running[0], 'name'), text(running[0], 'containerID')];
  return running.length === 1 && containerName && containerId
    ? { containerName, containerId }
    : undefined;
}

/**
 * Whether no process of this container runs any more, as the API server says: its Pod is gone, or
 * never runs again, or this very container has terminated. Anything else is no evidence.
 */
export function hasEnded(pod: Json | 'absent', container: HolderContainer): boolean {
  const found = pod === 'absent' ? pod : toPod(pod);
  if (isOver({ of: { name: container.podName, uid: container.podUid }, found })) return true;
  if (pod === 'absent') return false;
  return statusesOf(pod).some((status) =>
    ['state', 'lastState'].some((key) =>
      isEndOf(child(child(status, key), 'terminated'), container),
    ),
  );
}

/**
 * A process that starts may take its predecessor's ID for its own, because its Pod's status is old.
 * So a container that ended before its process began, by the clock of the same node, is another.
 */
function isEndOf(terminated: Json, { containerId, since }: HolderContainer): boolean {
  const seconds = (time: string | undefined) => Math.floor(Date.parse(time ?? '') / 1_000);
  return (
    text(terminated, 'containerID') === containerId &&
    seconds(text(terminated, 'finishedAt')) > seconds(since)
  );
}
