/** Why a candidate of either mode leaves a free lock to others, and that it does so, and no longer. */
import type { Bar } from '../../lib/protocol/bar.ts';
import type { Broken } from './explorer.ts';

/** How long one stands aside that has stepped down; for a Lease, at retry periods of 2 s. */
const ASIDE_MS = { life: 2_000, lease: 5_000 };
/** How long one yields that is not preferred. */
const YIELD_MS = 2_000;

/** What of a candidate decides it. */
export interface Barred {
  readonly nowMs: number;
  readonly isUnhealthy?: boolean | undefined;
  readonly asideUntilMs?: number | undefined;
  /** Another one is preferred, whenever it asks: once each time the lock becomes free. */
  readonly yields?: boolean | undefined;
  readonly hasAsked?: boolean | undefined;
  /** What its last step has broken. */
  readonly brokenBar?: Broken | undefined;
}

/** What the protocol is told with each event. */
export function barOf({ isUnhealthy, asideUntilMs, hasAsked }: Barred): Bar | undefined {
  if (isUnhealthy === true) return { because: 'unhealthy', untilMs: Infinity };
  if (asideUntilMs === undefined) return undefined;
  return { because: hasAsked === true ? 'not-preferred' : 'stepped-down', untilMs: asideUntilMs };
}

/** It is about to take the lock, and asks first; undefined if it does not. */
export function asking<Who extends Barred>(who: Who): Who | undefined {
  if (who.yields !== true || who.hasAsked === true || isBarred(who)) return undefined;
  return { ...who, hasAsked: true, asideUntilMs: who.nowMs + YIELD_MS };
}

/** Another one has the lock: nothing but its health keeps a candidate from taking the next one. */
export const UNBARRED = { asideUntilMs: undefined, hasAsked: undefined } as const;

/** Computed without the protocols, which may be wrong. */
export function isBarred({ nowMs, isUnhealthy, asideUntilMs }: Barred): boolean {
  return isUnhealthy === true || (asideUntilMs !== undefined && nowMs < asideUntilMs);
}

export function standAside<Who extends Barred>(who: Who, mode: keyof typeof ASIDE_MS): Who {
  return { ...who, asideUntilMs: who.nowMs + ASIDE_MS[mode] };
}

interface Decision {
  readonly isTaking: boolean;
  /** Until when it waits because it is barred. */
  readonly barredUntilMs: number | undefined;
}

/** Of a step by which a candidate takes a free lock, or leaves it to others. */
export function brokenBy(
  who: Barred,
  { isTaking, barredUntilMs = 0 }: Decision,
): Broken | undefined {
  if (isTaking && isBarred(who)) {
    return who.isUnhealthy === true
      ? { promise: 'BAR-1', text: 'it takes a free lock although its health check fails' }
      : { promise: 'BAR-2', text: 'it takes a free lock although it stands aside' };
  }
  const isLonger = who.isUnhealthy !== true && barredUntilMs > (who.asideUntilMs ?? 0);
  if (!isLonger) return undefined;
  return { promise: 'BAR-3', text: 'it leaves a free lock to others for longer than it may' };
}
