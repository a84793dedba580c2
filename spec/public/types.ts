/** What users write, as types see it: compiled by types.spec.ts, never run. */
import { KubeConfig } from '@kubernetes/client-node';
import { expectTypeOf } from 'vitest';
import {
  become,
  type BecomeOptions,
  type ErrorCode,
  LeaderElectionError,
  type Leadership,
  type WaitingReason,
  type WaitingState,
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
  } as const satisfies Required<BecomeOptions>;
  await using leadership = await become('my-operator-lock', everything);
  expectTypeOf(leadership.fencingToken).toBeString();
  expectTypeOf(leadership.signal).toEqualTypeOf<AbortSignal>();
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
