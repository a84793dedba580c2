import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import type { KubeObject } from '../../lib/testing/objects.ts';
import type { Candidate } from './candidate.ts';
import type { Event } from './schedule.ts';

/** A request of a candidate's, with its place among all requests of the run. */
export interface Sent {
  readonly number: number;
  readonly atMs: number;
  readonly request: ApiRequest;
  /** `get`, `create`, `delete`, `update`, `list`, `watch`. */
  readonly verb: string;
  /** Plural, as in `configmaps`. */
  readonly resource: string;
  readonly name: string;
}

/** What happens in a world, as checks and the transcript are told it, at once and in order. */
export type Fact =
  /** An event of the schedule; told before it acts. */
  | { readonly type: 'event'; readonly event: Event }
  | { readonly type: 'phase'; readonly phase: 'trouble' | 'healing' | 'calm' | 'end' }
  /** A process begins; a process ends, and with it whatever it did. */
  | { readonly type: 'born' | 'died'; readonly who: Candidate }
  /** Its program asks for leadership, no longer wants it, or was refused it. */
  | { readonly type: 'asked' | 'withdrew'; readonly who: Candidate }
  | { readonly type: 'refused'; readonly who: Candidate; readonly error: unknown }
  /** Its program was told that it leads. */
  | { readonly type: 'leads'; readonly who: Candidate; readonly token: string }
  /** Its program leads no more. */
  | { readonly type: 'ended'; readonly who: Candidate; readonly why: string }
  /** Its program hands over, because it was told to or, if `isCalled`, of its own accord. */
  | { readonly type: 'steps down'; readonly who: Candidate; readonly isCalled: boolean }
  /** Its program was told that its release has succeeded. */
  | { readonly type: 'released'; readonly who: Candidate; readonly token: string }
  | { readonly type: 'sent'; readonly who: Candidate; readonly sent: Sent }
  /** The process was given an answer, whole; `body` is what it said, if that was JSON. */
  | {
      readonly type: 'answered';
      readonly who: Candidate;
      readonly sent: Sent;
      readonly status: number;
      readonly body: unknown;
    }
  /** The process has given the request up, or learned that it broke. */
  | {
      readonly type: 'unanswered';
      readonly who: Candidate;
      readonly sent: Sent;
      readonly why: string;
    }
  /** The process has read this line of a watch. */
  | {
      readonly type: 'shown';
      readonly who: Candidate;
      readonly sent: Sent;
      readonly line: string;
    }
  /** An object was written or removed, whoever did it. */
  | {
      readonly type: 'written';
      readonly resource: string;
      readonly before: KubeObject | undefined;
      readonly after: KubeObject | undefined;
    }
  | {
      readonly type: 'warned';
      readonly who: Candidate;
      readonly message: string;
      readonly code: string;
    }
  /** An instant is over: whatever needs no time to pass has settled. */
  | { readonly type: 'settled' };

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never;

/** What a candidate tells of itself. */
export type Said = DistributiveOmit<Exclude<Fact, { readonly type: WithoutCandidate }>, 'who'>;

type WithoutCandidate = 'settled' | 'written' | 'phase' | 'event';

type About<T, Who> = Fact & { readonly type: T } & (T extends WithoutCandidate
    ? unknown
    : { readonly who: Who });

/** What somebody does about facts of some types. */
export type Handlers<Who = Candidate, R = void> = {
  readonly [T in Fact['type']]?: (fact: About<T, Who>) => R;
};

export function handle<R>(handlers: Handlers<Candidate, R>, fact: Fact): R | undefined {
  return (handlers as Partial<Record<string, (fact: Fact) => R>>)[fact.type]?.(fact);
}

/** For how long an answer asks its sender to stay away. */
export function retryAfterMs(fact: Fact): number {
  if (fact.type !== 'answered' || fact.status < 300) return 0;
  const { details } = (fact.body ?? {}) as { details?: { retryAfterSeconds?: number } };
  return (details?.retryAfterSeconds ?? 0) * 1_000;
}
