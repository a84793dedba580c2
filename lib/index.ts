export { become } from './life/become.ts';
export { LeaderElectionError } from './errors.ts';
export type { ErrorCode } from './errors.ts';
export type { Holder, LeaseHolder, LockHolder } from './observe/holder.ts';
export { diagnose } from './diagnose/diagnose.ts';
export type { DiagnoseOptions } from './diagnose/diagnose.ts';
export type { Finding, DiagnosisCheck } from './diagnose/finding.ts';
export { inspectLease, inspectLock, listLocks } from './inspect/inspect.ts';
export type { InspectOptions } from './inspect/session.ts';
export type { LockReason, LockStatus } from './inspect/status.ts';
export { requestStepDown } from './inspect/step-down.ts';
export type { StepDownOptions } from './inspect/step-down.ts';
export { rbacYaml } from './kubernetes/rbac.ts';
export type { RbacOptions } from './kubernetes/rbac.ts';
export type { KubeConfigLike } from './kubernetes/kube-config.ts';
export type { Leadership } from './life/leadership.ts';
export { LeaderElector, runOrDie } from './lease/elector.ts';
export { LeaderHealthzAdaptor } from './lease/healthz.ts';
export { lead } from './lease/lead.ts';
export type { LeaseLeadership } from './lease/lead.ts';
export { LeaseLock } from './lease/lease-lock.ts';
export type { LeaseLockOptions } from './lease/lease-lock.ts';
export type {
  Durations,
  LeadOptions,
  LeaderCallbacks,
  LeaderElectionConfig,
  LeaseElectionSettings,
} from './lease/config.ts';
export type { LockListener, ResourceLock } from './lease/resource-lock.ts';
export { observeLease, observeLock } from './observe/observe.ts';
export type { ObserveOptions } from './observe/observe.ts';
export type { BecomeOptions } from './life/options.ts';
export type {
  HolderContainer,
  LeaderElectionRecord,
  LockVersion,
} from './protocol/lease/record.ts';
export type {
  ElectionEvent,
  EventDetail,
  EventLevel,
  EventListener,
  EventSubject,
  StepDownReason,
} from './events/event.ts';
export type { LeaderMetrics } from './events/metrics.ts';
export type { WaitingReason, WaitingState } from './events/waiting.ts';
export type { CandidatePod, PodOptions } from './pod-options.ts';
export type { ElectionSettings, LabelOptions, PlaceOptions } from './options.ts';
