import { type Entry, type Term, termsOf } from './journal.ts';
import { seconds } from './screen.ts';
import type { Act } from './stage.ts';

/** What has to be true of a play. */
export interface Check {
  readonly claim: string;
  /** What makes it untrue. */
  readonly problems: readonly string[];
}

/** Judges a play by what the processes reported and what the cluster has on record. */
export function check(acts: readonly Act[], entries: readonly Entry[]): Check[] {
  const terms = termsOf(entries);
  return [
    oneLeader(terms),
    onlyLeadersWork(terms, entries),
    rightLeaders(acts),
    untouchedLock(acts),
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
    .filter(({ run, atMs }) => {
      const term = terms.find((other) => other.run === run);
      return !term || atMs < term.fromMs || atMs > term.toMs;
    })
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
