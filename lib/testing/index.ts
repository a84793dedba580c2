export { createCluster, type Cluster } from './cluster.ts';
export type {
  ClusterLeaseLockOptions,
  ClusterOptions,
  ConfigMapContent,
  DeletePodOptions,
  KubeConfigOptions,
  PodIdentity,
  PodOptions,
  Ref,
  TransportOptions,
  UserOptions,
} from './cluster.ts';
export { SimulatedClock, type SimulatedClockOptions } from './simulated-clock.ts';
export type { PolicyRule } from './access.ts';
export type { Delay, ErrorAnswer, Fault, FaultRule, Faults, PageAnswer } from './faults.ts';
export type { GarbageCollector } from './garbage-collector.ts';
export type { TlsIdentity } from './http-server.ts';
export type { OwnerReference, Stored, Wire } from './objects.ts';
export type { QuotaLimits } from './registry.ts';
export type { AnsweredMatch, RequestLog, RequestMatch, RequestRecord } from './request-log.ts';
export type { ResourceDefinition } from './resource-type.ts';
export type { Verb } from './route.ts';
export type { Clock } from '../clock.ts';
export type { ApiRequest, ApiResponse, Progress, Transport } from '../kubernetes/transport.ts';
