/** Why a candidate of either mode leaves a free lock to others, and that it does so, and no longer. */
import type { Bar } from '../../lib/protocol/bar.ts';
import type { Broken } from './explorer.ts';

/** How long one stands aside that has stepped down, and how long one yields that is not preferred. */
const ASIDE_MS = 2_000;
const YIELD_MS = 2_000;

/** What of a candidate decides it. */
export interface Barred {
  readonly nowMs: number;
  readonly isUnhealthy?: boolean | undefined;
  readonly asideUntilMs?: number | undefined;
  /** Another one is preferred, whenever it asks. */
  readonly yields?: boolean | undefined;
  /** What its last step has broken. */
  readonly brokenBar?: Broken | undefined;
}

interface Decision {
  readonly command: { readonly do: string };
  readonly yieldsUntilMs: number | undefined;
}

/** What the protocol is told with each event. */
export function barsOf({ isUnhealthy, asideUntilMs, yields }: Barred): {
  readonly bar: Bar | undefined;
  readonly yieldMs: number | undefined;
} {
  const unhealthy = isUnhealthy === true && { because: 'unhealthy' as const, untilMs: Infinity };
  const aside = asideUntilMs !== undefined && {
    because: 'stepped-down' as const,
    untilMs: asideUntilMs,
  };
  return { bar: unhealthy || aside || undefined, yieldMs: yields === true ? YIELD_MS : undefined };
}

/** Computed without the protocols, which may be wrong. */
export function isBarred({ nowMs, isUnhealthy, asideUntilMs }: Barred): boolean {
  return isUnhealthy === true || (asideUntilMs !== undefined && nowMs < asideUntilMs);
}

export function standAside<Who extends Barred>(who: Who): Who {
  return { ...who, asideUntilMs: who.nowMs + ASIDE_MS };
}

/** Of a step by which a candidate takes a lock, or goes on to wait; `isFree` if nobody had it meanwhile. */
export function brokenBy(
  who: Barred,
  before: Decision,
  after: Decision,
  { isTaking, isFree }: { readonly isTaking: boolean; readonly isFree: boolean },
): Broken | undefined {
  if (isTaking && isBarred(who)) {
    return who.isUnhealthy === true
      ? { promise: 'BAR-1', text: 'it takes a free lock although its health check fails' }
      : { promise: 'BAR-2', text: 'it takes a free lock although it has just stepped down' };
  }
  const { yieldsUntilMs = 0 } = after;
  const isLonger = isFree && yieldsUntilMs > (before.yieldsUntilMs ?? Infinity);
  if (isLonger || yieldsUntilMs > who.nowMs + YIELD_MS) {
    return { promise: 'BAR-3', text: 'it leaves a free lock to others for longer than it may' };
  }
  return undefined;
}
