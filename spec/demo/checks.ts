import type { Write } from './deployment.ts';
import { type Entry, type Term, termsOf } from './journal.ts';
import { seconds } from './screen.ts';
import type { Act } from './stage.ts';

/** What has to be true of a play. */
export interface Check {
  readonly claim: string;
  /** What makes it untrue. */
  readonly problems: readonly string[];
}

/** Judges a play of lives by what the processes reported and what the cluster has on record. */
export function checkLives(acts: readonly Act[], entries: readonly Entry[]): Check[] {
  const terms = termsOf(entries);
  return [
    oneLeader(terms),
    onlyLeadersWork(terms, entries),
    rightLeaders(acts),
    untouchedLock(acts),
    growingTokens(terms),
  ];
}

/** Judges a play of leases likewise. */
export function checkLeases(
  acts: readonly Act[],
  entries: readonly Entry[],
  writes: readonly Write[],
  leaseDurationMs: number,
): Check[] {
  const terms = termsOf(entries);
  const successions = successionsOf(acts, entries, writes);
  return [
    oneLeader(terms),
    onlyLeadersWork(terms, entries),
    rightLeaders(acts),
    releasedFirst(successions),
    expiredFirst(successions, leaseDurationMs),
    steppedDown(entries),
    growingTokens(terms),
  ];
}

/** The end of a process is seen after it; its Pod is touched only then, so that no doubt is left. */
function oneLeader(terms: readonly Term[]): Check {
  const problems = terms.flatMap((term, index) =>
    terms
      .slice(index + 1)
      .filter((later) => later.fromMs < term.toMs)
      .map(
        (later) =>
          `${later.pod} led from ${seconds(later.fromMs)}, ` +
          `but ${term.pod} had led since ${seconds(term.fromMs)} and ` +
          (term.toMs === Infinity ? 'still did' : `did until ${seconds(term.toMs)}`),
      ),
  );
  return { claim: `never two leaders at once, in ${terms.length} terms`, problems };
}

function onlyLeadersWork(terms: readonly Term[], entries: readonly Entry[]): Check {
  const work = entries.filter(({ what }) => what === 'works');
  const problems = work
    .filter(
      ({ run, atMs }) =>
        !terms.some((term) => term.run === run && atMs >= term.fromMs && atMs <= term.toMs),
    )
    .map(({ pod, atMs }) => `${pod} worked at ${seconds(atMs)} without leading`);
  return { claim: `only leaders worked, ${work.length} times in all`, problems };
}

function rightLeaders(acts: readonly Act[]): Check {
  const problems = acts.flatMap(({ number, expected, before, after }) => {
    const { replica, lock } = after;
    const same = before?.replica.uid === replica.uid;
    return [
      ...(expected === 'another Pod' && same ? [`act ${number}: ${replica.pod} still led`] : []),
      ...(expected === 'the same Pod' && !same ? [`act ${number}: ${replica.pod} took over`] : []),
      ...(lock?.ownerUid === replica.uid
        ? []
        : [`act ${number}: ${replica.pod} led without the lock`]),
    ];
  });
  return {
    claim: 'each time the right one led, and the lock was its own',
    problems: acts.length > 0 ? problems : ['no act was played to its end'],
  };
}

function untouchedLock(acts: readonly Act[]): Check {
  const kept = acts.filter(({ expected }) => expected === 'the same Pod');
  const problems = kept.flatMap(({ number, before, after }) => {
    const [old, now] = [before, after].map((leading) => JSON.stringify(leading?.lock));
    return old === now ? [] : [`act ${number}: the lock was ${old} and became ${now}`];
  });
  const version = kept[0]?.after.lock?.resourceVersion;
  return {
    claim: `the restart left the lock untouched${version ? `, at resourceVersion ${version}` : ''}`,
    problems: kept.length > 0 ? problems : ['no container was restarted'],
  };
}

/** A leader, whoever came after it, and the last that it wrote before. */
interface Succession {
  readonly act: number;
  readonly pod: string;
  readonly next: string;
  readonly nextMs: number;
  /** When the old leader said that it was about to release the lease. */
  readonly releasesMs: number | undefined;
  readonly lastWriteMs: number;
}

function successionsOf(
  acts: readonly Act[],
  entries: readonly Entry[],
  writes: readonly Write[],
): Succession[] {
  return acts.flatMap(({ number, before, after }) => {
    if (!before || before.term.run === after.term.run) return [];
    const { pod, run } = before.term;
    const { pod: next, fromMs: nextMs } = after.term;
    const last = writes.findLast((write) => write.pod === pod && write.atMs < nextMs);
    const releases = entries.find((entry) => entry.run === run && entry.what === 'releases');
    const lastWriteMs = last?.atMs ?? Number.NaN;
    return [{ act: number, pod, next, nextMs, releasesMs: releases?.atMs, lastWriteMs }];
  });
}

function releasedFirst(successions: readonly Succession[]): Check {
  const released = successions.filter(({ releasesMs }) => releasesMs !== undefined);
  const problems = released
    .filter(({ releasesMs = Infinity, lastWriteMs }) => !(lastWriteMs > releasesMs))
    .map(({ act, pod, next }) => `act ${act}: ${next} led, but ${pod} had not released the lease`);
  return {
    claim: 'who was asked to go stopped, then released the lease, then another led',
    problems: released.length > 0 ? problems : ['no lease was released'],
  };
}

function expiredFirst(successions: readonly Succession[], leaseDurationMs: number): Check {
  const expired = successions.filter(({ releasesMs }) => releasesMs === undefined);
  const problems = expired
    .filter(({ nextMs, lastWriteMs }) => !(nextMs - lastWriteMs >= leaseDurationMs))
    .map(({ act, pod, next, nextMs, lastWriteMs }) => {
      return `act ${act}: ${next} led ${seconds(nextMs - lastWriteMs)} after ${pod} renewed last`;
    });
  const duration = seconds(leaseDurationMs);
  return {
    claim: `a lease that was not released was taken over after ${duration} without a renewal`,
    problems: expired.length > 0 ? problems : ['no lease expired'],
  };
}

/** That it did so in time is seen from there being no two leaders. */
function steppedDown(entries: readonly Entry[]): Check {
  const losses = entries.filter(({ what }) => what === 'loses');
  return {
    claim: 'the leader that was cut off stepped down by itself',
    problems: losses.length > 0 ? [] : ['no leader stepped down by itself'],
  };
}

/** A Pod's token stays with it, each later leader's is larger. */
function growingTokens(terms: readonly Term[]): Check {
  const problems = terms.slice(1).flatMap((term, index) => {
    const before = terms[index];
    if (!before) return [];
    const [old, now] = [BigInt(before.fencingToken), BigInt(term.fencingToken)];
    const isRight = before.pod === term.pod ? old === now : old < now;
    return isRight ? [] : [`${term.pod} got ${now} after ${before.pod} had ${old}`];
  });
  const tokens = [...new Set(terms.map(({ fencingToken }) => fencingToken))];
  return { claim: `fencing tokens grow: ${tokens.join(' < ')}`, problems };
}
