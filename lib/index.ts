export { become } from './become.ts';
export { LeaderElectionError } from './errors.ts';
export type { ErrorCode } from './errors.ts';
export type { KubeConfigLike } from './kubernetes/credentials.ts';
export type { Leadership } from './leadership.ts';
export type { BecomeOptions } from './options.ts';
export type { WaitingReason, WaitingState } from './waiting.ts';
