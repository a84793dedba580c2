import {
  type Check,
  checkLockName,
  checkMode,
  checkPodName,
  checkProperties,
  checkSignal,
} from '../checks.ts';
import { LeaderElectionError } from '../errors.ts';
import { Api } from '../kubernetes/api.ts';
import { isInCluster } from '../kubernetes/environment.ts';
import { type Place, locate } from '../kubernetes/identity.ts';
import { hasStatus } from '../kubernetes/outcome.ts';
import { readObject, statusOf } from '../inspect/inspect.ts';
import type { Session } from '../inspect/session.ts';
import { type LockStatus, freeStatus } from '../inspect/status.ts';
import { type PlaceOptions, placeChecks } from '../options.ts';
import { neverAborts } from '../platform/abort.ts';
import { type Platform, systemPlatform } from '../platform/platform.ts';
import { apiServerFindings } from './api-server.ts';
import { type Finding, findingsOf } from './finding.ts';
import { lockFindings, namesakeFinding } from './lock.ts';
import { rightsFindings } from './rights.ts';
import { type Self, tokenFinding } from './token.ts';
import { workloadFindings } from './workload.ts';

/** Options of `diagnose`. */
export interface DiagnoseOptions extends PlaceOptions {
  /**
   * The Pod whose workload is looked at.
   * @default `POD_NAME`, else the Pod that holds the lock
   */
  readonly podName?: string | undefined;
  /** Ends the diagnosis: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at everything that an election rests on: environment, token, API server, clock, rights, the
 * lock, and the workload's rollout, grace period and readiness probe. Yields a finding for each, as
 * soon as it is known. With an `error` among them, an election cannot work.
 *
 * Changes nothing, and takes part in no election. What this user may not read is a warning. A
 * request that is not answered within 10 s is an error, and ends the diagnosis.
 *
 * @param mode - `life` for a lock of `become`, `lease` for a Lease
 * @param name - name of the ConfigMap or Lease
 * @throws `TypeError` for a bad argument, from the call
 * @throws the signal's reason, from the loop, if `options.signal` aborts
 *
 * @example
 * for await (const { check, level, message } of diagnose('life', 'my-operator-lock')) {
 *   console.log(level, check, message);
 * }
 */
export function diagnose(
  mode: 'life' | 'lease',
  name: string,
  options: DiagnoseOptions = {},
): AsyncGenerator<Finding, void> {
  return diagnoseOn(systemPlatform, mode, name, options);
}

const checks: Readonly<Record<keyof DiagnoseOptions, Check>> = {
  ...placeChecks,
  podName: checkPodName,
  signal: checkSignal,
};

/** `diagnose` on a given platform. */
export function diagnoseOn(
  platform: Platform,
  mode: 'life' | 'lease',
  name: string,
  options: DiagnoseOptions,
): AsyncGenerator<Finding, void> {
  checkMode(mode);
  checkLockName('name', name);
  checkProperties('options', options, checks);
  return findings(platform, mode, name, options);
}

const environment = findingsOf('environment');

async function* findings(
  platform: Platform,
  mode: LockStatus['mode'],
  name: string,
  options: DiagnoseOptions,
): AsyncGenerator<Finding, void> {
  const { signal = neverAborts() } = options;
  signal.throwIfAborted();
  const { variables } = platform.environment;
  const self: Self = { podName: variables['POD_NAME'], podUid: variables['POD_UID'] };
  const place = await placeOf(platform, options);
  if (place instanceof Error) {
    yield environment.error(place.message);
    return;
  }
  yield* environmentFindings(platform, mode, self, place, options);
  if (!place.credentials) return;
  if (!options.kubeConfig)
    yield await tokenFinding(platform.environment, self, platform.clock.date());

  const transport = await platform.connect(place.credentials);
  try {
    const answers = await apiServerFindings(transport, platform.clock, signal);
    yield* answers;
    if (answers.some(({ level }) => level === 'error')) return;
    const api = new Api(transport, platform.clock);
    const session: Session = {
      ...{ api, namespace: place.namespace, signal },
      retry: (request) => request(),
    };
    yield* clusterFindings(platform, session, mode, name, options.podName ?? self.podName);
  } finally {
    transport.close();
  }
}

async function* clusterFindings(
  platform: Platform,
  session: Session,
  mode: LockStatus['mode'],
  name: string,
  ownPod: string | undefined,
): AsyncGenerator<Finding, void> {
  const { namespace, signal } = session;
  try {
    yield* await rightsFindings(session, mode, name);
    let podName = ownPod;
    try {
      const object = await readObject(session, mode, name);
      const status = object
        ? await statusOf(platform, session, mode, object)
        : freeStatus({ mode, name, namespace });
      yield* lockFindings(status, object);
      if (status.holder === undefined) yield* await namesakeFindings(platform, session, mode, name);
      podName ??= status.podName;
    } catch (error) {
      // The finding about rights has said so.
      if (!hasStatus(error, 403)) throw error;
    }
    yield* await workloadFindings(session, mode, podName);
  } catch (error) {
    signal.throwIfAborted();
    yield findingsOf('api-server').error(`A request failed: ${(error as Error).message}`);
  }
}

/** The lock of the other mode that has this name, if somebody holds it. */
async function namesakeFindings(
  platform: Platform,
  session: Session,
  mode: LockStatus['mode'],
  name: string,
): Promise<Finding[]> {
  const other = mode === 'life' ? 'lease' : 'life';
  try {
    const object = await readObject(session, other, name);
    const status = object && (await statusOf(platform, session, other, object));
    return status?.holder === undefined ? [] : [namesakeFinding(status)];
  } catch (error) {
    // Nobody needs this right for an election of this mode.
    if (hasStatus(error, 403)) return [];
    throw error;
  }
}

/** Where the election is, or the error with which one would begin. */
async function placeOf(platform: Platform, options: DiagnoseOptions): Promise<Place | Error> {
  try {
    return await locate(platform.environment, options);
  } catch (error) {
    if (error instanceof LeaderElectionError || error instanceof TypeError) return error;
    throw error;
  }
}

function environmentFindings(
  platform: Platform,
  mode: LockStatus['mode'],
  { podName, podUid }: Self,
  { namespace, server, credentials }: Place,
  options: DiagnoseOptions,
): Finding[] {
  if (!credentials) {
    const what =
      'This is no Pod, and no kubeconfig was given, so there is no election: every process leads.';
    return [environment.error(what)];
  }
  const user = options.kubeConfig ? 'by a kubeconfig' : "by the Pod's service account";
  const found = [environment.ok(`namespace ${namespace} of ${server}, ${user}`)];
  if (mode === 'lease' || !isInCluster(platform.environment)) return found;
  if (podName === undefined) {
    found.push(
      environment.error(
        'POD_NAME is not set, so become does not know its Pod. Set it from the downward API ' +
          '(fieldPath: metadata.name).',
      ),
    );
  } else if (podUid === undefined) {
    found.push(
      environment.warning(
        'POD_UID is not set, so become asks the API server for it first. Set it from the downward API ' +
          '(fieldPath: metadata.uid).',
      ),
    );
  } else found.push(environment.ok(`Pod ${podName}, UID ${podUid}`));
  return found;
}
