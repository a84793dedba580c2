import { type History, historyOf } from '../lab/history.ts';
import { type Entry, isAct } from '../lab/journal.ts';
import { rules } from '../lab/verdict.ts';
import type { Write } from './deployment.ts';
import { seconds } from '../../lib/cli/demo/screen.ts';
import type { Act } from './stage.ts';

/** What has to be true of a play. */
export interface Check {
  readonly claim: string;
  /** What makes it untrue. */
  readonly problems: readonly string[];
}

/** Judges a play of lives by what the processes said and what the cluster has on record. */
export function checkLives(acts: readonly Act[], entries: readonly Entry[]): Check[] {
  return [...shared(entries), rightLeaders(acts), untouchedLock(acts)];
}

/** Judges a play of leases likewise. */
export function checkLeases(
  acts: readonly Act[],
  entries: readonly Entry[],
  writes: readonly Write[],
  leaseDurationMs: number,
): Check[] {
  const successions = successionsOf(acts, entries, writes);
  const losses = entries.filter(({ event }) => event === 'lost');
  return [
    ...shared(entries),
    rightLeaders(acts),
    releasedFirst(successions),
    expiredFirst(successions, leaseDurationMs),
    {
      // That it did so in time is seen from there being no two leaders.
      claim: 'the leader that was cut off stepped down by itself',
      problems: losses.length > 0 ? [] : ['no leader stepped down by itself'],
    },
  ];
}

/** What holds for every election. */
function shared(entries: readonly Entry[]): Check[] {
  const history = historyOf(entries);
  return Object.entries(rules).map(([name, rule]) => ({
    claim: claims[name]?.(history, entries) ?? name,
    problems: rule(history).map(({ text }) => text),
  }));
}

const claims: Readonly<Record<string, (history: History, entries: readonly Entry[]) => string>> = {
  'no overlaps': ({ terms }) => `never two leaders at once, in ${terms.length} terms`,
  'only leaders act': (_, entries) =>
    `only leaders acted, ${entries.filter(isAct).length} times in all`,
  'fencing tokens grow': ({ terms }) => {
    const tokens = new Set(terms.map(({ fencingToken = '' }) => fencingToken));
    return `fencing tokens grow: ${[...tokens].join(' < ')}`;
  },
};

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

/** A leader, the one that came after it, and the last that it wrote before. */
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
  return acts.flatMap(({ number: act, before, after }) => {
    if (!before || before.term.run === after.term.run) return [];
    const { pod, run } = before.term;
    const releases = entries.find((entry) => entry.run === run && entry.event === 'releasing');
    const releasesMs = releases?.atMs;
    const { pod: next, fromMs: nextMs } = after.term;
    const last = writes.findLast((write) => write.pod === pod && write.atMs < nextMs);
    return [{ act, pod, next, nextMs, releasesMs, lastWriteMs: last?.atMs ?? Number.NaN }];
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
