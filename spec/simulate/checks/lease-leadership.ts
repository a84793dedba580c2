import type { Check } from '../check.ts';
import { excusesOf, trustMs } from '../excuses.ts';
import { LeaseCandidate } from '../lease-candidate.ts';
import { LeaseProcess } from '../lease-process.ts';
import { provenOf } from '../proofs.ts';

/** At most one elector leads, unless `docs/lease.md` says why two may. */
export const oneElector: Check = {
  name: 'LEASE-1: one elector leads',
  begin: (world, violated) => {
    const excuses = excusesOf(world);
    const proofs = provenOf(world);
    /** client-go leads on beyond its lease's time, the more so after its machine slept. */
    const isDue = (who: LeaseProcess) =>
      who.kind === 'lease' || proofs.wholeAgeMs(who) < trustMs(who);
    return (fact) => {
      if (fact.type !== 'settled' && fact.type !== 'leads') return;
      const candidates = world.living.filter(
        (who): who is LeaseProcess => who instanceof LeaseProcess && who.mayLead,
      );
      if (candidates.length < 2) return;
      const leaders = candidates.filter((who) => who.isValid);
      if (leaders.length < 2) return;
      const ours = leaders.filter(({ kind }) => kind === 'lease');
      const [first, second] = leaders.filter((who) => isDue(who) && !excuses.has(who));
      const names = leaders.map(({ name }) => name).join(' and ');
      if (ours.length === 0) world.figures.add('instants with several client-gos that lead');
      else if (!first || !second)
        world.figures.add('instants with a documented overlap with one of ours');
      else if (first.kind === 'lease' || second.kind === 'lease') {
        violated(`${names} lead at the same time`);
      }
    };
  },
};

/** Every later term has a larger token. */
export const growingElectionTokens: Check = {
  name: 'LEASE-3: growing tokens of electors',
  begin: (world, violated) => {
    const excuses = excusesOf(world);
    let last = 0n;
    return (fact) => {
      if (fact.type !== 'leads' || fact.token === '' || !(fact.who instanceof LeaseProcess)) return;
      const token = BigInt(fact.token);
      if (token <= last && !excuses.has(fact.who)) {
        violated(`${fact.who.name}'s token ${token} does not exceed the last one, ${last}`);
      }
      if (token > last) last = token;
    };
  },
};

/** A token is the version of the very write by which its leader came to lead. */
export const tokensOfWrites: Check = {
  name: 'tokens are of writes',
  begin: (_, violated) => {
    const written = new Map<LeaseCandidate, string>();
    return (fact) => {
      if (!('who' in fact) || !(fact.who instanceof LeaseCandidate)) return;
      const { who } = fact;
      if (fact.type === 'answered' && fact.status < 300) {
        const { metadata } = (fact.body ?? {}) as { metadata?: { resourceVersion?: string } };
        const isWrite = fact.sent.verb === 'create' || fact.sent.verb === 'update';
        if (isWrite) written.set(who, metadata?.resourceVersion ?? '');
      }
      if (fact.type !== 'leads' || fact.token === '') return;
      const version = written.get(who) ?? 'none';
      if (fact.token !== version) violated(`${who.name}'s token is ${fact.token}, not ${version}`);
    };
  },
};
