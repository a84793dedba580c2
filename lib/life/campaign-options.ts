import type { Api } from '../kubernetes/api.ts';
import type { ConfigMapLock } from '../kubernetes/config-map-lock.ts';
import type { ApiError } from '../kubernetes/outcome.ts';
import type { SilentWatchError } from '../kubernetes/watch.ts';
import type { Clock } from '../platform/clock.ts';
import type { Standing } from '../platform/standing.ts';
import type { UnconfirmedEnds } from '../platform/unconfirmed.ts';
import type { Settings, State } from '../protocol/life/state.ts';
import type { PodIdentity } from '../protocol/model.ts';

export interface CampaignOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly lock: ConfigMapLock;
  readonly namespace: string;
  readonly podUid: string | undefined;
  readonly settings: Settings;
  readonly observer: CampaignObserver;
  readonly unconfirmed: UnconfirmedEnds;
  /** Whether it may take the lock; always, by default. */
  readonly standing?: Standing | undefined;
  /** The predecessors that an earlier call of this process has left. */
  readonly predecessors: readonly PodIdentity[];
}

/** Receives what a campaign reports, and returns nothing. */
export interface CampaignObserver {
  /** Called after each step, and after each request that failed and is retried. */
  onState(state: State, trouble: Error | undefined): void;
  /** An optional right is missing: the campaign is slower, or knows less. */
  onDegraded(what: 'pods' | 'watch' | 'crowd' | 'mark', error: ApiError): void;
  /** A watch shows nothing, so it is not relied on. */
  onSilent(error: SilentWatchError): void;
  /** A quota refuses the create. */
  onQuota(error: ApiError): void;
  /** A create cannot be taken back; the lock may be left behind. */
  onLeftBehind(error: unknown): void;
  log(message: string): void;
}

/** Repeats an idempotent request until it gets a definite answer. */
export type Persist = <T>(operation: () => Promise<T>, signal: AbortSignal) => Promise<T>;
