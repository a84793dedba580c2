import { type LeadOptions, type LeaseLeadership, lead } from '../index.ts';
import { systemClock } from '../platform/clock.ts';
import { endOfWait } from './exit-codes.ts';
import { leaderVariables } from './leader-variables.ts';
import type { Supervisor, Term } from './supervise.ts';

export interface LeaseTimes {
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  /** From SIGTERM to SIGKILL after a loss. */
  readonly graceMs: number;
}

/** Codes of the end of a term. The last one: the command did not end, so the Lease expires. */
const ENDS = new Set<unknown>(['ERR_LEADERSHIP_LOST', 'ERR_STEPPED_DOWN', 'ERR_WORK_ABANDONED']);

/** Events after which another time is left. */
const CHANGES = new Set(['renewed', 'lost']);

/** A loss this much before the proven end is no expiry. */
const TOLERANCE_MS = 50;

/** Waits for the Lease and runs the command. Resolves with its exit code, after the release. */
export async function leaseTerm(
  name: string,
  supervisor: Supervisor,
  times: LeaseTimes,
  options: LeadOptions & { readonly signal: AbortSignal },
): Promise<number | 'lost'> {
  const { graceMs, ...durations } = times;
  const listeners = new Set<() => void>();
  const onEvent: NonNullable<LeadOptions['onEvent']> = (event) => {
    if (CHANGES.has(event.type)) for (const listener of listeners) listener();
    options.onEvent?.(event);
  };
  let running: Promise<number> | undefined;
  const work = (leadership: LeaseLeadership) => {
    options.signal.throwIfAborted();
    const onChange = (listener: () => void) => void listeners.add(listener);
    running = supervisor.run(termOf(leadership, times, onChange));
    return running;
  };
  try {
    return await lead(name, work, { ...options, ...durations, onEvent });
  } catch (error) {
    if (!running || !ENDS.has((error as { code?: unknown }).code)) return endOfWait(error);
    // Not even what cannot be killed may run beside the next term.
    await running.catch(() => undefined);
    return 'lost';
  }
}

/**
 * After the last renewal has expired, others wait for the rest of the lease duration. If leadership
 * is lost before, the lock was taken away, and another may lead at once.
 */
function termOf(
  leadership: LeaseLeadership,
  times: LeaseTimes,
  onChange: (listener: () => void) => void,
): Term {
  const { leaseName, namespace, identity, fencingToken, signal } = leadership;
  let provenUntilMs = 0;
  let graceMs = 0;
  const prove = () => {
    const remainingMs = leadership.remainingMs();
    if (remainingMs <= 0) return;
    provenUntilMs = systemClock.now() + remainingMs;
    // If the stored duration is shorter, as an admission webhook may have it, so is the rest of it.
    graceMs = times.graceMs * Math.min(remainingMs / times.renewDeadlineMs, 1);
  };
  prove();
  onChange(prove);
  return {
    env: leaderVariables({
      ...{ name: leaseName, namespace, identity, mode: 'lease', fencingToken },
      since: systemClock.date(),
    }),
    lost: signal,
    graceMs: () => {
      const leftMs = provenUntilMs - systemClock.now();
      const isTaken = leftMs > TOLERANCE_MS && leadership.remainingMs() === 0;
      return isTaken ? 0 : leftMs + graceMs;
    },
    livesForMs: () => provenUntilMs - systemClock.now() + graceMs,
    onChange,
  };
}
