import type { KubeConfig, V1ObjectMeta } from '@kubernetes/client-node';
import type { TlsIdentity } from './tls-identity.ts';
import type { OwnerReference, Wire } from './objects.ts';
import type { ResourceDefinition } from './resource-type.ts';
import type { Clock } from '../platform/clock.ts';

/** What a cluster is made of. */
export interface ClusterOptions {
  /** Time and randomness. Default: the machine's; a `SimulatedClock` for simulations. */
  readonly clock?: Clock;
  /** How many nodes there are, `node-1`, `node-2`, … Default 1. */
  readonly nodeCount?: number;
  /** Milliseconds until the garbage collector acts. Default 0. */
  readonly gcDelayMs?: number;
  /**
   * Milliseconds that the containers of a deleted Pod take to exit. Default: as long as the Pod's
   * grace period lasts.
   */
  readonly podShutdownMs?: number;
  /** Milliseconds between the bookmarks of a watch. Default 60 000. */
  readonly bookmarkMs?: number;
  /** How many writes a watch can resume over. Default 10 000. */
  readonly historyLimit?: number;
  /** Kinds to serve beside the built-in ones, for example those of custom resources. */
  readonly resources?: readonly ResourceDefinition[];
  /** Whether to listen on a port. Default `true`; without, only `transport()` leads to it. */
  readonly http?: boolean;
  /** Speaks TLS on the port, with this identity. */
  readonly https?: TlsIdentity;
}

/** `name` in the namespace `default`, `namespace/name`, or an object that the cluster gave. */
export type Ref = string | { readonly metadata: { readonly name: string; readonly uid: string } };

/** How a new Pod differs from an ordinary one. */
export interface PodOptions {
  /** Default `default`. It is created when missing. */
  readonly namespace?: string;
  /** Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: none. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default: the nodes take turns. It is created when missing. */
  readonly nodeName?: string;
  /** Default: none. */
  readonly ownerReferences?: readonly OwnerReference[];
  /** Default `container`. */
  readonly containerName?: string;
}

/** How a Pod is deleted. */
export interface DeletePodOptions {
  /** Seconds for which it is seen terminating. Default 0: it is gone at once. */
  readonly gracePeriodSeconds?: number;
  /** What becomes of the objects it owns. Default `background`: they are collected. */
  readonly cascade?: 'background' | 'foreground' | 'orphan';
}

/** Who talks to the cluster. */
export interface UserOptions {
  /** Default `admin`, who may do everything. */
  readonly user?: string;
}

/** A ConfigMap's content, and what of its metadata matters. */
export interface ConfigMapContent {
  readonly data?: Readonly<Record<string, string>>;
  readonly metadata?: Partial<Wire<V1ObjectMeta>>;
}

/** What `become` needs to know of the Pod that it runs in. */
export interface PodIdentity {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
}

/** For whom, and for which namespace, a kubeconfig is. */
export interface KubeConfigOptions extends UserOptions {
  /** The context's. Default `default`. */
  readonly namespace?: string;
}

/** Which Lease, and who asks for it. */
export interface ClusterLeaseLockOptions extends UserOptions {
  /** The Lease's. It is created when somebody first leads. */
  readonly name: string;
  /** Who asks: another for each elector. */
  readonly identity: string;
  /** Default `default`. */
  readonly namespace?: string;
}

/** How requests reach a cluster without sockets. */
export interface TransportOptions extends UserOptions {
  /** Default `leader-for-life`. */
  readonly userAgent?: string;
  /** The bearer token to send with the next request; `undefined` for none. */
  readonly token?: () => string | undefined;
}
