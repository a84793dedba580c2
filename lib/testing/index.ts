export { createCluster, type Cluster } from './cluster.ts';
export type { ClusterObjects } from './cluster-objects.ts';
export type {
  ClusterLeaseLockOptions,
  ClusterOptions,
  ConfigMapContent,
  DeletePodOptions,
  KubeConfigOptions,
  PodEnding,
  PodIdentity,
  PodOptions,
  ProcessOptions,
  Ref,
  TransportOptions,
  UserOptions,
} from './cluster-options.ts';
export { SimulatedClock } from './simulated-clock.ts';
export type { SimulatedClockOptions } from './simulated-clock-options.ts';
export type { PolicyRule } from './access.ts';
export type { CutOptions, Delay, ErrorAnswer, Fault, FaultRule, PageAnswer } from './fault-rule.ts';
export type { Faults } from './faults.ts';
export type { GarbageCollector } from './garbage-collector.ts';
export type { TlsIdentity } from './tls-identity.ts';
export type { OwnerReference, Stored, Wire } from './objects.ts';
export type { QuotaLimits } from './registry.ts';
export type { AnsweredMatch, RequestMatch, RequestRecord } from './request-record.ts';
export type { RequestLog } from './request-log.ts';
export type { ResourceDefinition } from './resource-type.ts';
export type { Verb } from './route.ts';
export type { Clock } from '../platform/clock.ts';
export type { KubeConfigLike } from '../kubernetes/kube-config.ts';
export type { ApiRequest, ApiResponse, Progress, Transport } from '../kubernetes/transport.ts';
