import type { V1ObjectMeta } from '@kubernetes/client-node';
import type { TlsIdentity } from './tls-identity.ts';
import type { OwnerReference, Wire } from './objects.ts';
import type { ResourceDefinition } from './resource-type.ts';
import type { KubeConfigLike } from '../kubernetes/kube-config.ts';
import type { Transport } from '../kubernetes/transport.ts';
import type { Clock } from '../platform/clock.ts';

/** Options of `createCluster`. */
export interface ClusterOptions {
  /** Time and randomness; a `SimulatedClock` for simulations. @default the machine's */
  readonly clock?: Clock;
  /** Number of nodes: `node-1`, `node-2`, … @default 1 */
  readonly nodeCount?: number;
  /** Milliseconds until the garbage collector acts. @default 0 */
  readonly gcDelayMs?: number;
  /**
   * Milliseconds that the containers of a deleted Pod take to exit.
   * @default the Pod's grace period
   */
  readonly podShutdownMs?: number;
  /** Milliseconds between the bookmarks of a watch. @default 60 000 */
  readonly bookmarkMs?: number;
  /** Number of writes that a watch can resume over. @default 10 000 */
  readonly historyLimit?: number;
  /** Kinds to serve in addition to the built-in ones, such as custom resources. */
  readonly resources?: readonly ResourceDefinition[];
  /** Whether to listen on a port; otherwise only `transport()` reaches it. @default `true` */
  readonly http?: boolean;
  /** Speaks TLS on the port, with this identity. */
  readonly https?: TlsIdentity;
}

/** `name` in the namespace `default`, `namespace/name`, or an object that the cluster gave. */
export type Ref = string | { readonly metadata: { readonly name: string; readonly uid: string } };

/** Options of a new Pod. */
export interface PodOptions {
  /** It is created if missing. @default `default` */
  readonly namespace?: string;
  /** Its labels. @default none */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its annotations. @default none */
  readonly annotations?: Readonly<Record<string, string>>;
  /** It is created if missing. @default the nodes take turns */
  readonly nodeName?: string;
  /** Its owners. @default none */
  readonly ownerReferences?: readonly OwnerReference[];
  /** Name of its container. @default `container` */
  readonly containerName?: string;
}

/** How a Pod is deleted. */
export interface DeletePodOptions {
  /** Seconds for which the Pod terminates. @default 0: it is gone at once */
  readonly gracePeriodSeconds?: number;
  /**
   * What happens to the objects that the Pod owns.
   * @default that of an earlier deletion, or `background`: they are collected
   */
  readonly cascade?: 'background' | 'foreground' | 'orphan';
}

/** Why a Pod ends. */
export interface PodEnding {
  /** A word, such as `Evicted`. @default none */
  readonly reason?: string;
  /** A sentence. @default none */
  readonly message?: string;
}

/** Who talks to the cluster. */
export interface UserOptions {
  /** Name of the user. @default `admin`, who may do everything */
  readonly user?: string;
}

/** How a process reaches the cluster. With a clock or a transport, it is a process of its own. */
export interface ProcessOptions extends UserOptions {
  /** The process's time and randomness. @default the cluster's */
  readonly clock?: Clock;
  /** Carries the process's requests: `cluster.transport()`, or one that delays or loses them. */
  readonly transport?: Transport;
}

/** A ConfigMap's content, and what of its metadata matters. */
export interface ConfigMapContent {
  readonly data?: Readonly<Record<string, string>>;
  readonly metadata?: Partial<Wire<V1ObjectMeta>>;
}

/** What `become` has to know about the Pod that it runs in. */
export interface PodIdentity {
  readonly kubeConfig: KubeConfigLike;
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
}

/** User and namespace of a kubeconfig. */
export interface KubeConfigOptions extends UserOptions {
  /** The context's. @default `default` */
  readonly namespace?: string;
}

/** The Lease, and the elector that asks for it. */
export interface ClusterLeaseLockOptions extends UserOptions {
  /** Name of the Lease. It is created when somebody first leads. */
  readonly name: string;
  /** Identity of the elector; different for each. */
  readonly identity: string;
  /** Namespace of the Lease. @default `default` */
  readonly namespace?: string;
}

/** Options of a transport without sockets. */
export interface TransportOptions extends UserOptions {
  /** The `User-Agent` of its requests. @default `leader-for-life` */
  readonly userAgent?: string;
  /** The bearer token to send with the next request; `undefined` for none. */
  readonly token?: () => string | undefined;
}
