import { type Check, checkOf, leaseCheck } from '../check.ts';
import { Excuses, trustMs } from '../excuses.ts';
import type { LeaseCandidate } from '../lease-candidate.ts';
import { LeaseProcess } from '../lease-process.ts';
import { Proofs } from '../proofs.ts';
import { recordOf } from '../lease-record.ts';
import { isWrite } from '../sightings.ts';

/** Timers are whole milliseconds, and may need another try. */
const TIMER_MS = 3;

/** At most one elector leads, unless `docs/lease-protocol.md` says why two may. */
export const oneElector = checkOf(LeaseProcess, 'LEASE-1: one elector leads', (world, violated) => {
  const excuses = world.observer(Excuses);
  const proofs = world.observer(Proofs);
  /** client-go leads on beyond its lease's time, the more so after its machine slept. */
  const isDue = (who: LeaseProcess) =>
    who.kind === 'lease' || proofs.wholeAgeMs(who) < trustMs(who);
  const judge = () => {
    const candidates = world.living.filter((who) => who instanceof LeaseProcess && who.mayLead);
    if (candidates.length < 2) return;
    const leaders = (candidates as LeaseProcess[]).filter((who) => who.isValid);
    if (leaders.length < 2) return;
    const ours = leaders.filter(({ kind }) => kind === 'lease');
    const [first, second] = leaders.filter((who) => isDue(who) && !excuses.has(who));
    if (ours.length === 0) world.figures.add('instants with several client-gos that lead');
    else if (!first || !second) {
      world.figures.add('instants with a documented overlap with one of ours');
    } else if (first.kind === 'lease' || second.kind === 'lease') {
      violated(`${leaders.map(({ name }) => name).join(' and ')} lead at the same time`);
    }
  };
  return { settled: judge, leads: judge };
});

/** Every later term has a larger token. */
export const growingElectionTokens = checkOf(
  LeaseProcess,
  'LEASE-3: growing tokens of electors',
  (world, violated) => {
    const excuses = world.observer(Excuses);
    let last = 0n;
    return {
      leads: ({ who, token: text }) => {
        const token = BigInt(text);
        if (text !== '' && token <= last && !excuses.has(who)) {
          violated(`${who.name}'s token ${token} does not exceed the last one, ${last}`);
        }
        if (token > last) last = token;
      },
    };
  },
);

/** A token is the version of the very write by which its leader came to lead. */
export const tokensOfWrites = leaseCheck('tokens are of writes', (_, violated) => {
  const written = new Map<LeaseCandidate, string>();
  return {
    answered: ({ who, sent, status, body }) => {
      if (status >= 300 || !isWrite(sent)) return;
      const { metadata } = (body ?? {}) as { metadata?: { resourceVersion?: string } };
      written.set(who, metadata?.resourceVersion ?? '');
    },
    leads: ({ who, token }) => {
      const version = written.get(who) ?? 'none';
      if (token === '' || token === version) return;
      violated(`${who.name}'s token is ${token}, not ${version}`);
    },
  };
});

type Judge = (who: LeaseCandidate, proofs: Proofs) => string | undefined;

/** Judges every elector of ours that runs, at each instant. */
function atEachInstant(name: string, judge: Judge): Check {
  return leaseCheck(name, (world, violated) => {
    const proofs = world.observer(Proofs);
    return {
      settled: () => {
        for (const who of world.living) {
          if (who.kind !== 'lease' || !who.isRunning) continue;
          const wrong = judge(who as LeaseCandidate, proofs);
          if (wrong !== undefined) violated(`${who.name}${wrong}`);
        }
      },
    };
  });
}

/** A term's signal aborts at the latest when its last renewal counts no more, and nobody believes longer. */
export const provenTerms = atEachInstant('terms are proven', (who, proofs) => {
  if (!who.mayLead) return undefined;
  const overMs = proofs.ageMs(who) - who.setting.times.renewDeadlineMs;
  if (overMs <= 0) return undefined;
  const { term } = who;
  const after = `${overMs} ms after its time`;
  if (overMs > TIMER_MS && term?.abortedMs === undefined && who.isAwake) {
    return `'s signal has not aborted ${after}`;
  }
  if (who.isValid) return ` believes that it leads ${after}`;
  return term?.signal.aborted === false ? `'s signal is not aborted ${after}` : undefined;
});

/** Who could renew in time, and has not slept, believes that it leads for as long as its term lasts. */
export const steadyBelief = atEachInstant('leaders know it', (who, proofs) => {
  const { term, setting, clock } = who;
  if (!who.serves || !who.isAwake || clock.hasSlept) return undefined;
  if (!term || term.signal.aborted || term.isSettled) return undefined;
  const leftMs = setting.times.renewDeadlineMs * who.share - proofs.ageMs(who);
  if (leftMs <= TIMER_MS || who.isValid) return undefined;
  return ` does not believe that it leads, for another ${Math.round(leftMs)} ms`;
});

/** Nobody is told of a loss who could renew in time, and whom nobody has deposed. */
export const lossesWithCause = leaseCheck('losses have a cause', (world, violated) => {
  const excuses = world.observer(Excuses);
  const proofs = world.observer(Proofs);
  /** Who was not the holder on record for a moment, since he asked to be. */
  const deposed = new Set<LeaseCandidate>();
  const asking = new Set<LeaseCandidate>();
  return {
    written: ({ resource, after }) => {
      if (resource !== 'leases') return;
      for (const who of asking) {
        const isOthers =
          recordOf(after).holderIdentity !== who.identity || excuses.isDeposedByNamesake(who);
        if (isOthers) deposed.add(who);
      }
    },
    sent: ({ who, sent }) => {
      if (sent.verb === 'watch' || sent.resource === 'pods' || who.serves) return;
      asking.add(who);
      deposed.delete(who);
    },
    ended: ({ who, why }) => {
      if (why !== 'ERR_LEADERSHIP_LOST' || deposed.has(who)) return;
      const ageMs = Math.max(proofs.ageMs(who), proofs.mostAgeMs(who));
      const leftMs = who.setting.times.renewDeadlineMs * who.share - ageMs;
      if (leftMs <= TIMER_MS) return;
      violated(`${who.name} is told that it leads no more ${Math.round(leftMs)} ms too early`);
    },
  };
});

/** Work begins once what was begun before has ended; and starts and stops come in pairs. */
export const separateWork = leaseCheck('work of terms', (_, violated) => {
  const end = ({ who }: { readonly who: LeaseCandidate }) => {
    if (who.isBusy || who.setting.calls !== 'elector') return;
    const isOpen = who.terms.some(({ call, isStopped }) => call === who.callCount && !isStopped);
    if (isOpen) violated(`${who.name} was never told that it stopped leading`);
    if (who.isValid) violated(`${who.name} believes that it leads after its run`);
  };
  return {
    leads: ({ who }) => {
      const [before, now] = who.terms.slice(-2);
      if (!now || before?.call !== now.call || before.isSettled) return;
      violated(`${who.name} works for two terms at once`);
    },
    ended: end,
    refused: end,
  };
});

/** Nobody begins to work who was told to stop. */
export const noLateStart = leaseCheck('no work after a withdrawal', (_, violated) => ({
  leads: ({ who }) => {
    if (who.isWithdrawn) violated(`${who.name} begins to work when it was told to stop`);
  },
}));
