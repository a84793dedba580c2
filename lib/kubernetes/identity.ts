import { LeaderElectionError, invalidArgument } from '../errors.ts';
import { type Credentials, checkKubeConfig, userCredentials } from './credentials.ts';
import {
  type Environment,
  type Sign,
  checkServiceAccount,
  inClusterServer,
  isInCluster,
  serviceAccountNamespace,
  signOfPod,
  variable,
} from './environment.ts';
import type { KubeConfigLike } from './kube-config.ts';
import { isDnsLabel, isDnsSubdomain, isUid } from './names.ts';
import type { CheckedOptions } from '../life/options.ts';
import type { Platform } from '../platform/platform.ts';
import type { PodIdentity } from '../protocol/model.ts';
import { serviceAccountCredentials, tokenPod } from './service-account.ts';
import { Warnings } from '../platform/warnings.ts';

/** Who competes, where, and how to reach the API server; outside a cluster there is none. */
export interface Candidate {
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string | undefined;
  /** The API server's URL; empty outside a cluster. */
  readonly server: string;
  readonly credentials: Credentials | undefined;
}

/** Determines it from the options and the platform. Sends no request. */
export async function identify(
  environment: Environment,
  options: CheckedOptions,
): Promise<Candidate> {
  const podName = options.podName ?? podNameOf(environment);
  const podUid = options.podUid ?? uidOf(environment, podName);
  const place = await locate(environment, options, () => {
    if (podName === undefined) throw noPodName();
  });
  return { ...place, podName: podName ?? '', podUid };
}

/** The same without an election: what is not known is left empty. */
export function identifyLoosely(environment: Environment, options: CheckedOptions): Candidate {
  const { variables } = environment;
  return {
    namespace: options.namespace ?? variables['POD_NAMESPACE'] ?? '',
    podName: options.podName ?? variables['POD_NAME'] ?? '',
    podUid: options.podUid ?? variables['POD_UID'],
    server: '',
    credentials: undefined,
  };
}

/** Where an election's objects are, and how to reach the API server. */
export interface Place {
  readonly namespace: string;
  /** The API server's URL; empty outside a cluster. */
  readonly server: string;
  /** Undefined outside a cluster, where there is no election. */
  readonly credentials: Credentials | undefined;
}

/** Determines it from the options and the platform; `check` is called if there is an election. */
export async function locate(
  environment: Environment,
  options: Pick<CheckedOptions, 'kubeConfig' | 'namespace'>,
  check: () => void = () => undefined,
): Promise<Place> {
  const { kubeConfig } = options;
  const inCluster = kubeConfig === undefined && isInCluster(environment);
  const given =
    options.namespace ?? read(environment, 'POD_NAMESPACE', isDnsLabel, "a namespace's name");
  if (!kubeConfig && !inCluster) {
    // Every replica would lead.
    const sign = await signOfPod(environment);
    if (sign !== undefined) throw noApiServer(sign);
    return { namespace: given ?? '', server: '', credentials: undefined };
  }
  check();
  if (!kubeConfig) await checkServiceAccount(environment);
  const server = kubeConfig ? checkKubeConfig(kubeConfig).href : inClusterServer(environment);
  const context = kubeConfig?.getContextObject(kubeConfig.getCurrentContext())?.namespace;
  // A kubeConfig's values may have any type, whatever is declared.
  const namespace: unknown = given ?? (await serviceAccountNamespace(environment)) ?? context;
  if (namespace === undefined || namespace === '') throw noNamespace(kubeConfig);
  if (typeof namespace !== 'string' || !isDnsLabel(namespace)) {
    throw invalidArgument('the namespace', "a namespace's name", namespace);
  }
  const credentials = kubeConfig
    ? userCredentials(kubeConfig)
    : serviceAccountCredentials(environment);
  return { namespace, server, credentials };
}

/** The processes that were warned, each by its environment object. */
const told = new WeakSet<object>();

/** Warns once that there is no election although a kubeconfig exists, because it was not passed. */
export function tellIfKubeConfigIsLeftOut({ environment, clock, warn }: Platform): void {
  const { variables } = environment;
  if (!variables['KUBECONFIG']?.trim() || told.has(variables)) return;
  told.add(variables);
  new Warnings(clock, warn).give(
    'skipped',
    'There is no election, so this process leads: it is in no Pod, and no kubeConfig was passed. ' +
      'KUBECONFIG is set, but is not read by itself. To elect, load it (new KubeConfig(), ' +
      'loadFromDefault()) and pass it as options.kubeConfig.',
  );
}

/** This Pod's name, if the environment contains it. */
export function podNameOf(environment: Environment): string | undefined {
  return read(environment, 'POD_NAME', isDnsSubdomain, "a Pod's name");
}

/** The Pod in which this process runs, and which of its containers, as far as that is known. */
export interface OwnContainer extends PodIdentity {
  readonly containerName: string | undefined;
}

/** Undefined if nothing says which Pod this is, by name and UID. Sends no request. */
export async function ownContainer(
  environment: Environment,
  hasServiceAccount: boolean,
): Promise<OwnContainer | undefined> {
  const name = podNameOf(environment);
  const uid = uidOf(environment, name);
  const given = name !== undefined && uid !== undefined ? { name, uid } : undefined;
  const pod = given ?? (hasServiceAccount ? await tokenPod(environment) : undefined);
  const { CONTAINER_NAME: containerName } = environment.variables;
  return pod && { ...pod, containerName: containerName === '' ? undefined : containerName };
}

/** This Pod, for what an election does with it. Throws `ERR_NO_POD_NAME` if it has no name. */
export function ownPod(environment: Environment): {
  readonly name: string;
  readonly uid: string | undefined;
  readonly namespace: string | undefined;
} {
  const name = podNameOf(environment);
  if (name === undefined) throw noPodName('POD_NAME does not say');
  const namespace = read(environment, 'POD_NAMESPACE', isDnsLabel, "a namespace's name");
  return { name, uid: uidOf(environment, name), namespace };
}

/** `POD_UID` belongs to the Pod that `POD_NAME` names, and to no other. */
function uidOf(environment: Environment, podName: string | undefined): string | undefined {
  const uid = read(environment, 'POD_UID', isUid, "a Pod's UID");
  const own = variable(environment, 'POD_NAME');
  return own === undefined || own === podName ? uid : undefined;
}

function read(
  environment: Environment,
  name: string,
  test: (value: string) => boolean,
  expected: string,
): string | undefined {
  const value = variable(environment, name);
  if (value !== undefined && !test(value)) {
    throw invalidArgument(`environment variable ${name}`, expected, value);
  }
  return value;
}

function noApiServer({ says, remedy }: Sign): LeaderElectionError {
  return new LeaderElectionError(
    'ERR_NO_API_SERVER',
    `${says}, but KUBERNETES_SERVICE_HOST is not set, so nothing says where the ` +
      'API server is. A program that is started with a cleaned environment (env -i, su -, sudo) ' +
      'loses it: pass KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT on. Outside a cluster, ' +
      `${remedy}, or pass a kubeConfig.`,
  );
}

function noPodName(who = 'Neither POD_NAME nor options.podName says'): LeaderElectionError {
  return new LeaderElectionError(
    'ERR_NO_POD_NAME',
    `${who} which Pod this is. Add to the container:

env:
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: POD_UID
  valueFrom: { fieldRef: { fieldPath: metadata.uid } }
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
`,
  );
}

function noNamespace(kubeConfig: KubeConfigLike | undefined): LeaderElectionError {
  const what = kubeConfig
    ? `The kubeConfig's current context ${JSON.stringify(kubeConfig.getCurrentContext())} has no ` +
      'namespace. Set options.namespace or POD_NAMESPACE, or give the context one: kubectl config ' +
      'set-context --current --namespace NAMESPACE'
    : 'Nothing says which namespace this Pod is in: its service account has no namespace file. Set ' +
      'POD_NAMESPACE from the downward API (fieldPath: metadata.namespace), or options.namespace.';
  return new LeaderElectionError('ERR_NO_NAMESPACE', what);
}
