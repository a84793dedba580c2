import { LeaderElectionError } from '../errors.ts';
import type { StepDownReason } from '../events/event.ts';
import { messageOf, printable } from '../platform/printable.ts';
import { alteration } from '../protocol/lease/record.ts';
import type { Command, Event, Loss } from '../protocol/lease/state.ts';
import type { ResourceLock } from './resource-lock.ts';

/** The Lease is no longer held. `trouble` is why the last request failed, if it did. */
export function lostError(
  lock: ResourceLock,
  loss: Loss,
  forMs: number,
  trouble: unknown,
): LeaderElectionError {
  // A webhook may have written the other holder.
  const isRefused = trouble instanceof LeaderElectionError && trouble.code === 'ERR_REJECTED';
  const cause = loss.because === 'expired' || isRefused ? trouble : undefined;
  const why = wordsOf(loss, forMs);
  const last = cause instanceof Error ? ` The last failure: ${messageOf(cause)}` : '';
  return new LeaderElectionError(
    'ERR_LEADERSHIP_LOST',
    `Lease ${lock.describe()} is not held any more by ${lock.identity}: ${why}. Stop all work ` +
      `that only a leader may do.${last}`,
    cause === undefined ? {} : { cause },
  );
}

/** A part of a term goes on after its end. */
export function abandonedError(
  lock: ResourceLock,
  what: string,
  withinMs: number,
  cause: unknown,
): LeaderElectionError {
  return new LeaderElectionError(
    'ERR_WORK_ABANDONED',
    `${capitalized(what)} for Lease ${lock.describe()} has not ended within ${withinMs} ms and was ` +
      `given up. It may go on although ${lock.identity} does not lead any more. Make it end soon ` +
      'after its signal has aborted. As long as it does not, end the process: another replica may ' +
      'lead beside it.',
    { cause },
  );
}

export function releasedError(lock: ResourceLock): LeaderElectionError {
  const what = `${lock.identity} has stopped leading ${lock.describe()}.`;
  return new LeaderElectionError('ERR_RELEASED', what);
}

export function steppedDownError(lock: ResourceLock, reason: StepDownReason): LeaderElectionError {
  const why = {
    called: 'stepDown() was called',
    asked: 'the Lease asks it to',
    unhealthy: 'its health check has failed too often',
  };
  const what = `${lock.identity} hands over Lease ${lock.describe()}: ${why[reason]}.`;
  return new LeaderElectionError(
    'ERR_STEPPED_DOWN',
    `${what} Stop all work that only a leader may do.`,
  );
}

/** `why` is what the candidate waits for. */
export function timeoutError(
  lock: ResourceLock,
  timeoutMs: number,
  why = 'the API server has not answered yet',
): LeaderElectionError {
  const what = `${lock.identity} did not become the leader of Lease ${lock.describe()}`;
  return new LeaderElectionError('ERR_TIMEOUT', `${what} within ${timeoutMs} ms: ${why}.`);
}

export function expiredError(lock: ResourceLock, unrenewedMs: number): LeaderElectionError {
  return new LeaderElectionError(
    'ERR_LEASE_EXPIRED',
    `${lock.identity} could not renew Lease ${lock.describe()} for ${Math.round(unrenewedMs)} ms, ` +
      'and its work has not ended. Restart the process.',
  );
}

function wordsOf(loss: Loss, forMs: number): string {
  switch (loss.because) {
    case 'expired':
      return `no renewal has succeeded for ${Math.round(forMs)} ms`;
    case 'namesake':
      return 'another process holds it under the same identity';
    case 'taken':
      return loss.holder === ''
        ? 'somebody else has released it'
        : `${printable(loss.holder)} holds it`;
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Others go by what is stored: a leader that went by what it had sent would lead beside them. */
export function alteredBy(
  command: Command,
  event: Event,
  lock: string,
): LeaderElectionError | undefined {
  if (command.do !== 'create' && command.do !== 'update') return undefined;
  if (event.type !== 'written' || event.version === 'conflict') return undefined;
  const { record: sent } = command;
  const { record: stored } = event.version;
  const field = alteration(sent, stored);
  if (field === undefined) return undefined;
  const show = (value: string | number | undefined) => printable(JSON.stringify(value ?? null));
  return new LeaderElectionError(
    'ERR_REJECTED',
    `Lease ${lock} was stored with the ${field} ${show(stored[field])} instead of ` +
      `${show(sent[field])}, so nobody can lead by it. Probably an admission webhook changes it: ` +
      'exempt this Lease from it. kubectl get mutatingwebhookconfigurations lists them.',
  );
}
