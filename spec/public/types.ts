/** What users write, as types see it: compiled by types.spec.ts, never run. */
import { KubeConfig } from '@kubernetes/client-node';
import { expectTypeOf } from 'vitest';
import {
  become,
  type BecomeOptions,
  type ElectionEvent,
  type ErrorCode,
  LeaderElectionError,
  type LeaderElectionConfig,
  type LeaderElectionRecord,
  LeaderElector,
  LeaderHealthzAdaptor,
  type Leadership,
  lead,
  type LeadOptions,
  LeaseLock,
  type LeaseLeadership,
  type LeaseLockOptions,
  type LockVersion,
  type ResourceLock,
  runOrDie,
  type WaitingReason,
  type WaitingState,
  observeLease,
  observeLock,
  type Holder,
  type ObserveOptions,
} from '../../lib/index.ts';

expectTypeOf(become).toEqualTypeOf<
  (lockName: string, options?: BecomeOptions) => Promise<Leadership>
>();

export async function callsThatCompile(signal: AbortSignal) {
  await become('my-operator-lock');
  await become('my-operator-lock', {});
  // From the environment, so perhaps undefined.
  await become('my-operator-lock', { namespace: process.env['POD_NAMESPACE'] });
  const everything = {
    namespace: 'default',
    podName: 'my-operator-0',
    podUid: 'e7b1',
    kubeConfig: new KubeConfig(),
    signal,
    timeoutMs: 60_000,
    maxBackoffMs: 16_000,
    labels: { app: 'my-operator' },
    annotations: { 'example.com/team': 'a' },
    guard: true,
    takeOverFromNotReadyNodeAfterMs: 60_000,
    onWaiting: ({ reason, holderPod }: WaitingState) => `${reason}: ${holderPod ?? 'nobody'}`,
    onEvent: tell,
    healthy: (check: AbortSignal) => !check.aborted,
    healthyPeriodMs: 2_000,
    healthyTimeoutMs: 1_000,
    healthyFailureThreshold: 3,
    enabled: true,
    metrics,
    events: true,
    label: 'my-operator/leader',
    deletionCost: 100,
    preference: { nodeLabel: { 'topology.kubernetes.io/zone': 'a' } },
  } as const satisfies Required<BecomeOptions>;
  await using leadership = await become('my-operator-lock', everything);
  expectTypeOf(leadership.fencingToken).toBeString();
  expectTypeOf(leadership.signal).toEqualTypeOf<AbortSignal>();
  expectTypeOf(leadership.ended).toEqualTypeOf<Promise<void>>();
  expectTypeOf(leadership.acquiredAt).toEqualTypeOf<Date>();
  expectTypeOf(leadership.release()).toEqualTypeOf<Promise<void>>();
}

export function callsThatDoNotCompile(leadership: Leadership) {
  // @ts-expect-error the lock's name is needed
  void become();
  // @ts-expect-error as one string
  void become({ lockName: 'my-operator-lock' });
  // @ts-expect-error it is called timeoutMs
  void become('my-operator-lock', { timeout: 60_000 });
  // @ts-expect-error durations are numbers
  void become('my-operator-lock', { timeoutMs: '60s' });
  // @ts-expect-error labels are strings
  void become('my-operator-lock', { labels: { replicas: 3 } });
  // @ts-expect-error a handle tells, it is not told
  leadership.skipped = true;
  // @ts-expect-error codes are a closed set
  new LeaderElectionError('ERR_OOPS', 'oops');
}

export function errorsAreTold(error: unknown): string {
  if (!(error instanceof LeaderElectionError)) return 'not ours';
  expectTypeOf(error).toExtend<Error>();
  expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
  expectTypeOf<'ERR_FORBIDDEN'>().toExtend<ErrorCode>();
  expectTypeOf<string>().not.toExtend<ErrorCode>();
  return error.code;
}

export function waitingIsTold(state: WaitingState) {
  expectTypeOf(state.reason).toEqualTypeOf<WaitingReason>();
  expectTypeOf<string>().not.toExtend<WaitingReason>();
  expectTypeOf(state.holderPod).toEqualTypeOf<string | undefined>();
  expectTypeOf(state.since).toEqualTypeOf<Date>();
}

const durations = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };
const metrics = {
  on: (name: string) => name,
  off: (name: string) => name,
  slowpathExercised: (name: string) => name,
};

export async function leadershipsThatCompile(signal: AbortSignal) {
  // Settles as the work does, whether that is a promise or not.
  expectTypeOf(lead('my-lease', () => 5)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(lead('my-lease', () => Promise.resolve('done'))).toEqualTypeOf<Promise<string>>();
  const everything = {
    ...durations,
    namespace: process.env['POD_NAMESPACE'],
    identity: 'me',
    kubeConfig: new KubeConfig(),
    signal,
    releaseOnCancel: true,
    recampaign: true,
    enabled: true,
    labels: { app: 'my-operator' },
    annotations: { 'example.com/team': 'a' },
    metrics,
    events: true,
    label: 'my-operator/leader',
    deletionCost: 100,
    preference: { nodeLabel: { 'topology.kubernetes.io/zone': 'a' } },
    timeoutMs: 60_000,
    onWaiting: ({ reason, holder }: WaitingState) => `${reason}: ${holder ?? 'nobody'}`,
    onEvent: tell,
    healthy: (check: AbortSignal) => !check.aborted,
    healthyPeriodMs: 2_000,
    healthyTimeoutMs: 1_000,
    healthyFailureThreshold: 3,
    watchDog: new LeaderHealthzAdaptor(20_000),
  } as const satisfies Required<LeadOptions>;
  await lead('my-lease', look, everything);

  const lock = new LeaseLock({
    name: 'my-lease',
    namespace: 'default',
    identity: 'me',
    kubeConfig: new KubeConfig(),
    labels: {},
    annotations: {},
  } satisfies Required<LeaseLockOptions>);
  expectTypeOf(lock).toExtend<ResourceLock>();
  const config = {
    ...durations,
    lock,
    name: 'my-operator',
    releaseOnCancel: true,
    watchDog: new LeaderHealthzAdaptor(20_000),
    enabled: true,
    metrics,
    events: true,
    label: 'my-operator/leader',
    deletionCost: 100,
    preference: { nodeLabel: { 'topology.kubernetes.io/zone': 'a' } },
    timeoutMs: 60_000,
    onWaiting: ({ reason }: WaitingState) => reason,
    onEvent: tell,
    healthy: (check: AbortSignal) => !check.aborted,
    healthyPeriodMs: 2_000,
    healthyTimeoutMs: 1_000,
    healthyFailureThreshold: 3,
    callbacks: {
      onStartedLeading: async (ended: AbortSignal) => {
        await Promise.resolve(ended);
      },
      onStoppedLeading: () => undefined,
      onNewLeader: (identity: string) => identity,
    },
  } as const satisfies Required<LeaderElectionConfig>;
  const elector = new LeaderElector(config);
  expectTypeOf(elector.run(signal)).toEqualTypeOf<Promise<void>>();
  expectTypeOf(elector.isLeader()).toBeBoolean();
  expectTypeOf(elector.getLeader()).toBeString();
  expectTypeOf<LeaderElector['check']>().toEqualTypeOf<(toleratedMs: number) => void>();
  expectTypeOf(runOrDie(config)).toEqualTypeOf<Promise<void>>();
}

/** Fits pino, console and winston alike. */
function tell(event: ElectionEvent): string {
  if (event.type === 'leading') {
    expectTypeOf(event.waitedMs).toBeNumber();
  }
  if (event.type === 'lost') {
    expectTypeOf(event.error).toEqualTypeOf<Error>();
  }
  return `${event.level}: ${event.message}`;
}

function look(leadership: LeaseLeadership): void {
  const { signal, fencingToken, skipped } = leadership;
  expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
  expectTypeOf(leadership.remainingMs()).toBeNumber();
  expectTypeOf(fencingToken).toBeString();
  expectTypeOf(skipped).toBeBoolean();
}

/** A lock of one's own, without what is optional. */
export function locksThatCompile(stored: LockVersion): ResourceLock {
  return {
    identity: 'me',
    describe: () => 'a row in a database',
    get: () => Promise.resolve(stored),
    create: (record: LeaderElectionRecord) => Promise.resolve({ record, resourceVersion: '1' }),
    update: () => Promise.resolve('conflict'),
  };
}

export function leadershipsThatDoNotCompile(lock: LeaseLock) {
  // @ts-expect-error the work is needed
  void lead('my-lease');
  // @ts-expect-error it is called timeoutMs
  void lead('my-lease', () => undefined, { timeout: 60_000 });
  // @ts-expect-error both callbacks are needed
  new LeaderElector({ lock, callbacks: { onStartedLeading: () => undefined } });
  // @ts-expect-error a lease has a name
  new LeaseLock({ namespace: 'default' });
}

export async function holdersAreTold(signal: AbortSignal) {
  const everything = {
    namespace: 'default',
    kubeConfig: new KubeConfig(),
    signal,
    onEvent: tell,
  } as const satisfies Required<ObserveOptions>;
  for await (const holder of observeLease('my-lease', everything)) {
    expectTypeOf(holder).toExtend<Holder | null>();
    expectTypeOf(holder?.acquireTime).toEqualTypeOf<Date | undefined>();
    expectTypeOf(holder?.leaseTransitions).toEqualTypeOf<number | undefined>();
  }
  for await (const holder of observeLock('my-operator-lock')) {
    expectTypeOf(holder).toExtend<Holder | null>();
    expectTypeOf(holder?.podUid).toEqualTypeOf<string | undefined>();
  }
  // @ts-expect-error who looks on is no candidate
  observeLease('my-lease', { identity: 'a' });
}
