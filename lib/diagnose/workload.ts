import { type Json, child, isObject, list, text } from '../kubernetes/json.ts';
import { isDnsSubdomain } from '../kubernetes/names.ts';
import { hasStatus } from '../kubernetes/outcome.ts';
import { podsPath } from '../kubernetes/pod.ts';
import type { Session } from '../inspect/session.ts';
import type { LockStatus } from '../inspect/status.ts';
import { type Finding, findingsOf } from './finding.ts';

const rollout = findingsOf('rollout');
const grace = findingsOf('grace-period');
const readiness = findingsOf('readiness');

/** As long as `release` may take, and the renew deadline. */
const GRACE_SECONDS = { life: 15, lease: 10 } as const;

const KINDS: Readonly<Record<string, string>> = {
  ReplicaSet: 'replicasets',
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
};

const WAITS_FOR_LEADERSHIP = /lead(?:er|ing|s\b)/i;

/** What may keep an election from working when the Pods of this workload are replaced. */
export async function workloadFindings(
  session: Session,
  mode: LockStatus['mode'],
  podName: string | undefined,
): Promise<Finding[]> {
  if (podName === undefined) {
    return [rollout.warning('Not checked: no Pod is known. Name one: --pod NAME.')];
  }
  const pod = await read(session, `${podsPath(session.namespace)}/${podName}`);
  if (typeof pod === 'string') return [rollout.warning(notRead(`Pod ${podName}`, pod))];
  const spec = child(pod, 'spec');
  const workload = await workloadOf(session, pod);
  return [
    ...(typeof workload === 'string' ? [rollout.warning(workload)] : rolloutFindings(workload)),
    graceFinding(mode, spec),
    readinessFinding(spec, typeof workload === 'string' ? undefined : workload),
  ];
}

type Unread = 'absent' | 'forbidden';

async function read({ api, signal }: Session, path: string): Promise<Json | Unread> {
  try {
    return (await api.find(path, (object) => object, signal)) ?? 'absent';
  } catch (error) {
    if (hasStatus(error, 403)) return 'forbidden';
    throw error;
  }
}

function notRead(what: string, why: Unread): string {
  const reason = why === 'absent' ? 'it does not exist' : 'this user may not read it';
  const advice = why === 'absent' ? '' : " An administrator's kubeconfig shows more.";
  return `Not checked: ${what} was not read, because ${reason}.${advice}`;
}

/** The object that replaces the Pod, or why it is not known. */
async function workloadOf(session: Session, pod: Json): Promise<Json | string> {
  let object = pod;
  let kind = 'Pod';
  for (;;) {
    const owner = ownerOf(object);
    if (!owner) {
      return kind === 'Pod'
        ? 'Nothing replaces this Pod when it is gone: no object owns it.'
        : object;
    }
    const plural = KINDS[owner.kind];
    if (plural === undefined) return `Not checked: ${owner.kind} ${owner.name} is of another kind.`;
    const path = `/apis/apps/v1/namespaces/${session.namespace}/${plural}/${owner.name}`;
    const found = await read(session, path);
    if (typeof found === 'string') return notRead(`${owner.kind} ${owner.name}`, found);
    ({ kind } = owner);
    object = found;
  }
}

function ownerOf(object: Json): { readonly kind: string; readonly name: string } | undefined {
  const owners = list(child(object, 'metadata'), 'ownerReferences').filter(isObject);
  const owner = owners.find(({ controller }) => controller === true);
  const [kind, name] = [text(owner, 'kind'), text(owner, 'name')];
  return kind !== undefined && name !== undefined && isDnsSubdomain(name)
    ? { kind, name }
    : undefined;
}

function rolloutFindings(workload: Json): Finding[] {
  const spec = child(workload, 'spec');
  const kind = text(workload, 'kind') ?? '';
  const what = `${kind} ${text(child(workload, 'metadata'), 'name') ?? ''}`;
  const { replicas = 1 } = spec;
  const strategy = text(child(spec, kind === 'Deployment' ? 'strategy' : 'updateStrategy'), 'type');
  const how = rollout.ok(`${what} replaces its Pods by ${strategy ?? 'RollingUpdate'}`);
  if (kind === 'DaemonSet' || typeof replicas !== 'number' || replicas > 1) return [how];
  return [
    how,
    rollout.warning(
      `${what} has ${replicas} replica${replicas === 1 ? '' : 's'}, so no other Pod waits to lead. Two or more shorten an outage.`,
    ),
  ];
}

function graceFinding(mode: LockStatus['mode'], spec: Json): Finding {
  const { terminationGracePeriodSeconds: seconds = 30 } = spec;
  const least = GRACE_SECONDS[mode];
  const what = `a Pod has ${String(seconds)} s to end`;
  if (typeof seconds !== 'number' || seconds >= least) return grace.ok(what);
  const why =
    mode === 'life'
      ? `release() may take ${least} s while the API server is slow`
      : `work may take ${least} s to end`;
  return grace.warning(
    `${what.replace('a', 'A')}, but ${why}. Raise terminationGracePeriodSeconds.`,
  );
}

function readinessFinding(spec: Json, workload: Json | undefined): Finding {
  const probes = list(spec, 'containers').map((container) => ({
    name: text(container, 'name') ?? '',
    asked: whatProbeAsks(child(container, 'readinessProbe')),
  }));
  const waiting = probes.find(({ asked }) => WAITS_FOR_LEADERSHIP.test(asked));
  if (!waiting) return readiness.ok('no readiness probe seems to wait for leadership');
  const what = `The readiness probe of container ${waiting.name} asks ${waiting.asked}`;
  const advice =
    'Let readiness say whether the Pod works, and let a label say which Pod leads (--label).';
  if (workload && waitsForNewPods(workload)) {
    return readiness.error(
      `${what}. If that waits for leadership, a rolling update never ends: no old Pod is ended before a ` +
        `new one is ready, and no new one leads before the old leader has ended. ${advice}`,
    );
  }
  return readiness.warning(
    `${what}. If that waits for leadership, only one Pod is ever ready. ${advice}`,
  );
}

function whatProbeAsks(probe: Json): string {
  const command = list(child(probe, 'exec'), 'command').map(String).join(' ');
  return command === '' ? (text(child(probe, 'httpGet'), 'path') ?? '') : command;
}

/** Whether a rolling update keeps every old Pod until a new one is ready. */
function waitsForNewPods(workload: Json): boolean {
  const spec = child(workload, 'spec');
  if (text(workload, 'kind') !== 'Deployment') return false;
  const strategy = child(spec, 'strategy');
  if (text(strategy, 'type') === 'Recreate') return false;
  const { replicas = 1 } = spec;
  const { maxSurge = '25%', maxUnavailable = '25%' } = child(strategy, 'rollingUpdate');
  // Without a surge, Kubernetes ends at least one old Pod first.
  if (Number.parseInt(String(maxSurge), 10) === 0) return false;
  const count = typeof replicas === 'number' ? replicas : 1;
  const most =
    typeof maxUnavailable === 'number'
      ? maxUnavailable
      : Math.floor((count * Number.parseInt(String(maxUnavailable), 10)) / 100);
  return most === 0;
}
