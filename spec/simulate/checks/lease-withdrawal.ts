import { leaseCheck } from '../check.ts';
import type { Sent } from '../fact.ts';
import type { LeaseCandidate } from '../lease-candidate.ts';
import { recordOf } from '../lease-record.ts';
import { Proofs } from '../proofs.ts';
import { isWrite } from '../sightings.ts';

/** Timers are whole milliseconds. */
const TIMER_MS = 20;

function keyOf(lease: unknown): string {
  const { holderIdentity, renewTime, leaseTransitions } = recordOf(lease);
  return [holderIdentity, renewTime, leaseTransitions].join();
}

/** The last write of a call by which it takes, or keeps, the Lease. */
interface Claim {
  readonly key: string;
  readonly sent: Sent;
  /** Whether there has been a term by it. */
  readonly isOfTerm: boolean;
}

/**
 * Whoever stops, and was not deposed, gives up what it holds, or may hold for all that it knows: until
 * that has succeeded, or has failed for as long as a renewal counts.
 */
export const nothingHeld = leaseCheck('nothing is held at the end', (world, violated) => {
  const proofs = world.observer(Proofs);
  const claims = new Map<LeaseCandidate, Claim>();
  const withdrewMs = new Map<LeaseCandidate, number>();

  /** By its clock, since when it has been giving up the Lease; undefined where it need not. */
  const endsSinceMs = (who: LeaseCandidate, { isOfTerm }: Claim): number | undefined => {
    const { term, setting } = who;
    const { renewDeadlineMs } = setting.times;
    const cancelledMs = withdrewMs.get(who);
    if (!isOfTerm) return cancelledMs;
    const { abortedMs, settledMs } = term ?? {};
    const isWanted = cancelledMs === undefined || setting.releaseOnCancel;
    if (!isWanted || abortedMs === undefined || settledMs === undefined) return undefined;
    const isInTime = settledMs - abortedMs < renewDeadlineMs - TIMER_MS;
    return isInTime && proofs.mostAgeMs(who) < renewDeadlineMs * who.share - TIMER_MS
      ? Math.max(abortedMs, settledMs)
      : undefined;
  };

  const judge = (who: LeaseCandidate) => {
    const claim = claims.get(who);
    const sinceMs = claim && endsSinceMs(who, claim);
    if (sinceMs === undefined || keyOf(world.cluster.getLease('lock')) !== claim?.key) return;
    const limitMs = who.setting.times.renewDeadlineMs - TIMER_MS;
    if (who.clock.now() - sinceMs < limitMs) {
      violated(`${who.name} stops, and leaves the Lease in its name`);
    }
  };

  const end = (who: LeaseCandidate, isGone: boolean) => {
    if (!who.isBusy) judge(who);
    if (isGone || !who.isBusy) claims.delete(who);
  };
  return {
    asked: ({ who }) => withdrewMs.delete(who),
    withdrew: ({ who }) => withdrewMs.set(who, who.clock.now()),
    leads: ({ who }) => {
      const claim = claims.get(who);
      if (claim) claims.set(who, { ...claim, isOfTerm: true });
    },
    sent: ({ who, sent }) => {
      const { body } = sent.request;
      if (!isWrite(sent) || recordOf(body).holderIdentity !== who.identity) return;
      claims.set(who, { key: keyOf(body), sent, isOfTerm: who.serves });
    },
    answered: ({ who, sent, status, body }) => {
      // Who was shown that it has come to nothing is done with it.
      const claim = claims.get(who);
      if (sent.verb !== 'get' || !claim || claim.sent.number > sent.number) return;
      if (status === 404 || (status === 200 && keyOf(body) !== claim.key)) claims.delete(who);
    },
    ended: ({ who, why }) => {
      if (why === 'ERR_LEADERSHIP_LOST') claims.delete(who);
      end(who, false);
    },
    refused: ({ who }) => end(who, true),
  };
});
