import type {
  V1Container,
  V1EnvVar,
  V1LabelSelector,
  V1ObjectMeta,
  V1PodSpec,
  V1PodTemplateSpec,
} from '@kubernetes/client-node';
import type { BecomeOptions, LeadOptions } from '../../lib/index.ts';

/** What the candidates of one scene have in common. */
export interface Platform {
  readonly namespace: string;
  readonly image: string;
  /** On the node, where they say what happens. */
  readonly folder: string;
  readonly lockName: string;
  readonly serviceAccount: string;
  readonly apiServerPort: number;
}

/** What sets one candidate apart. */
export interface CandidateOptions {
  /**
   * `release`: stop the work, release, end; `linger`: likewise, but do not end. `exit`: end at once.
   * `ignore`: no handler at all.
   */
  readonly onSigterm?: 'release' | 'linger' | 'exit' | 'ignore';
  /**
   * `gated`: ask only when commanded to. `once`: end, with success, as soon as it leads. `elsewhere`: do
   * not ask, another container did. `none`: do not lead at all. `lead`: lease mode, with the Pod's name
   * as identity. `anew`: with another identity each time.
   */
  readonly election?: 'become' | 'gated' | 'once' | 'elsewhere' | 'none' | 'lead' | 'anew';
  /** What `become` or `lead` is told. */
  readonly become?: BecomeOptions | LeadOptions;
  readonly env?: readonly V1EnvVar[];
  /** Variables that are not set. */
  readonly without?: readonly string[];
  readonly image?: string;
  /** How the container differs. */
  readonly container?: Partial<V1Container>;
  /** How the Pod differs. */
  readonly spec?: Partial<V1PodSpec>;
}

/** A Pod with one candidate in it, in the container `main`. */
export function podSpec(where: Platform, options: CandidateOptions = {}): V1PodSpec {
  return {
    serviceAccountName: where.serviceAccount,
    hostNetwork: true,
    terminationGracePeriodSeconds: 20,
    containers: [container(where, 'main', options)],
    ...options.spec,
    volumes: [
      { name: 'scene', hostPath: { path: where.folder, type: 'Directory' } },
      ...(options.spec?.volumes ?? []),
    ],
  };
}

/** A container with a candidate in it. */
export function container(
  where: Platform,
  name: string,
  options: CandidateOptions = {},
): V1Container {
  return {
    name,
    image: options.image ?? where.image,
    imagePullPolicy: 'Never',
    ...options.container,
    env: [...environment(where, name, options), ...(options.env ?? [])],
    volumeMounts: [
      { name: 'scene', mountPath: '/scene' },
      ...(options.container?.volumeMounts ?? []),
    ],
  };
}

/** What the documentation asks for, where the API server is, and what the candidate shall do. */
function environment(where: Platform, name: string, options: CandidateOptions): V1EnvVar[] {
  const { onSigterm = 'exit', election = 'become', become = {} } = options;
  const variables = [
    downward('POD_NAME', 'metadata.name'),
    downward('POD_UID', 'metadata.uid'),
    downward('POD_NAMESPACE', 'metadata.namespace'),
    { name: 'KUBERNETES_SERVICE_HOST', value: '127.0.0.1' },
    { name: 'KUBERNETES_SERVICE_PORT', value: `${where.apiServerPort}` },
    { name: 'LOCK', value: where.lockName },
    { name: 'CONTAINER', value: name },
    { name: 'ON_SIGTERM', value: onSigterm },
    { name: 'FORM', value: election },
    { name: 'OPTIONS', value: JSON.stringify(become) },
    { name: 'JOURNAL', value: '/scene' },
  ];
  return variables.filter((variable) => !options.without?.includes(variable.name));
}

export function downward(name: string, fieldPath: string): V1EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** The selector and the template that every workload has. */
export function workload(
  where: Platform,
  name: string,
  options: CandidateOptions = {},
): { metadata: V1ObjectMeta; selector: V1LabelSelector; template: V1PodTemplateSpec } {
  const labels = { app: name };
  return {
    metadata: { name, namespace: where.namespace },
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpec(where, options) },
  };
}
