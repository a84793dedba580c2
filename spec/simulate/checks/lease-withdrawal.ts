import type { Check } from '../check.ts';
import type { Fact, Sent } from '../fact.ts';
import { LeaseCandidate } from '../lease-candidate.ts';
import { provenOf } from '../proofs.ts';
import type { World } from '../world.ts';

/** Timers are whole milliseconds. */
const TIMER_MS = 20;

/** Nobody begins to work who was told to stop. */
export const noLateStart: Check = {
  name: 'no work after a withdrawal',
  begin: (_, violated) => (fact) => {
    if (fact.type !== 'leads' || !(fact.who instanceof LeaseCandidate)) return;
    if (fact.who.isWithdrawn) violated(`${fact.who.name} begins to work when it was told to stop`);
  },
};

interface Spec {
  readonly holderIdentity?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

function keyOf(lease: unknown): string {
  const { spec = {} } = (lease ?? {}) as { spec?: Spec };
  return [spec.holderIdentity, spec.renewTime, spec.leaseTransitions].join();
}

/** The last write of a call by which it takes, or keeps, the Lease. */
interface Claim {
  readonly key: string;
  readonly sent: Sent;
  /** Whether there has been a term by it. */
  readonly isOfTerm: boolean;
}

function stored(world: World): string {
  return keyOf(world.cluster.getLease('lock'));
}

/**
 * Whoever stops, and was not deposed, gives up what it holds, or may hold for all that it knows: until
 * that has succeeded, or has failed for as long as a renewal counts.
 */
export const nothingHeld: Check = {
  name: 'nothing is held at the end',
  begin: (world, violated) => {
    const proofs = provenOf(world);
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
      if (sinceMs === undefined || stored(world) !== claim?.key) return;
      const limitMs = who.setting.times.renewDeadlineMs - TIMER_MS;
      if (who.clock.now() - sinceMs < limitMs) {
        violated(`${who.name} stops, and leaves the Lease in its name`);
      }
    };

    const notice = (who: LeaseCandidate, fact: Fact & { sent: Sent }) => {
      const { sent } = fact;
      if (fact.type === 'sent' && (sent.verb === 'create' || sent.verb === 'update')) {
        const { spec } = sent.request.body as { spec?: Spec };
        const key = keyOf(sent.request.body);
        if (spec?.holderIdentity === who.identity)
          claims.set(who, { key, sent, isOfTerm: who.serves });
      }
      if (fact.type !== 'answered' || sent.verb !== 'get') return;
      // Who was shown that it has come to nothing is done with it.
      const claim = claims.get(who);
      if (!claim || claim.sent.number > sent.number || fact.status >= 500) return;
      if (fact.status === 404 || (fact.status === 200 && keyOf(fact.body) !== claim.key)) {
        claims.delete(who);
      }
    };

    return (fact) => {
      if (!('who' in fact) || !(fact.who instanceof LeaseCandidate)) return;
      const { who } = fact;
      if (fact.type === 'asked') withdrewMs.delete(who);
      if (fact.type === 'withdrew') withdrewMs.set(who, who.clock.now());
      const claim = claims.get(who);
      if (fact.type === 'leads' && claim) claims.set(who, { ...claim, isOfTerm: true });
      if ('sent' in fact) notice(who, fact);
      if (fact.type !== 'ended' && fact.type !== 'refused') return;
      if (fact.type === 'ended' && fact.why === 'ERR_LEADERSHIP_LOST') claims.delete(who);
      if (!who.isBusy) judge(who);
      if (!who.isBusy || fact.type === 'refused') claims.delete(who);
    };
  },
};
