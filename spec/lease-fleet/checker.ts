import { type Entry, type Kind, isAct } from '../lab/journal.ts';
import type { Term } from '../lab/history.ts';
import { type Handover, type Overlap, handoversOf } from '../lab/verdict.ts';
import type { Holding } from './lease-history.ts';

/** One leader after another, and what was done to the first. */
export interface Caused extends Handover {
  readonly cause: NodeJS.Signals | 'nothing';
}

/** A Lease that somebody gave up who did not hold it. */
export interface Wipe {
  readonly victim: string;
  readonly by: string;
  /** Who took it then; undefined for nobody. */
  readonly taker: string | undefined;
}

/**
 * client-go 0.36 gives up the Lease whenever it stops renewing, though it may not be its own by then:
 * it looks at what it knew, and replaces what there is.
 */
export function wipesOf(history: readonly Holding[], entries: readonly Entry[]): Wipe[] {
  const releases = entries.filter(({ event }) => event === 'released');
  return history.flatMap(({ holder, renewTime }, index) => {
    const victim = history[index - 1]?.holder ?? '';
    const by = releases.find((entry) => entry.renewTime === renewTime)?.pod;
    if (holder !== '' || victim === '' || by === undefined || by === victim) return [];
    return [{ victim, by, taker: history.slice(index).find((next) => next.holder !== '')?.holder }];
  });
}

/**
 * Whether this library had a part in it, and could have done otherwise: not so where client-go had
 * made a Lease that was held look free. What client-go does to client-go is its own matter.
 */
export function isPreventable({ first, second }: Overlap, wipes: readonly Wipe[]): boolean {
  return (
    [first, second].some(({ kind }) => kind === 'leader-for-life') &&
    !wipes.some(({ victim, taker }) => victim === first.pod && taker === second.pod)
  );
}

export function causedHandovers(terms: readonly Term[], entries: readonly Entry[]): Caused[] {
  return handoversOf(terms).map((handover) => {
    const { from, to } = handover;
    const cause = entries.findLast(
      ({ event, pod, signal, atMs }) =>
        event === 'signal' &&
        pod === from.pod &&
        signal !== 'SIGCONT' &&
        from.fromMs <= atMs &&
        atMs <= to.fromMs,
    );
    return { ...handover, cause: cause?.signal ?? 'nothing' };
  });
}

/** Acts of this library after a time in which it cannot have renewed, as if nothing had happened. */
export function blindActsOf(entries: readonly Entry[], leaseDurationMs: number): Entry[] {
  const ours = entries.filter(({ kind }) => kind === 'leader-for-life');
  return [...Map.groupBy(ours, ({ pod }) => pod).values()].flatMap((own) => {
    const acts = own.filter(isAct);
    return acts.filter(({ event, atMs }, index) => {
      const before = acts[index - 1];
      return event === 'heartbeat' && before !== undefined && atMs - before.atMs > leaseDurationMs;
    });
  });
}

/** Whatever of the Lease's history is not as client-go's protocol has it, in sentences. */
export function irregularitiesOf(
  history: readonly Holding[],
  terms: readonly Term[],
  kinds: ReadonlyMap<string, Kind>,
): string[] {
  return [
    ...history.slice(1).flatMap((next, index) => {
      const before = history[index];
      return before ? irregularitiesBetween(before, next, kinds) : [];
    }),
    ...unfoundedOf(history, terms),
  ];
}

function irregularitiesBetween(
  before: Holding,
  next: Holding,
  kinds: ReadonlyMap<string, Kind>,
): string[] {
  const name = `version ${next.resourceVersion} (held by '${next.holder}')`;
  const goesOn = next.holder === before.holder;
  const isReleased = next.holder === '';
  const transitions = before.transitions + (goesOn || isReleased ? 0 : 1);
  const found: string[] = [];
  if (next.transitions !== transitions) {
    found.push(`${name} has ${next.transitions} transitions instead of ${transitions}`);
  }
  if (goesOn && next.acquireTime !== before.acquireTime) {
    found.push(`${name} was acquired at ${before.acquireTime}, not at ${next.acquireTime}`);
  }
  if (!goesOn && next.acquireTime !== next.renewTime) {
    found.push(`${name} was acquired at ${next.renewTime}, not at ${next.acquireTime}`);
  }
  const leftMs = msLeft(before, next);
  if (!goesOn && !isReleased && leftMs > 0 && kinds.get(next.holder) === 'leader-for-life') {
    found.push(`${name} was taken from ${before.holder}, which had ${leftMs.toFixed(0)} ms left`);
  }
  return found;
}

/** How long the one lease would have lasted when the next was written; 0 if that is not known. */
function msLeft(before: Holding, next: Holding): number {
  if (before.holder === '' || before.writtenMs === undefined || next.writtenMs === undefined)
    return 0;
  return before.writtenMs + before.durationMs - next.writtenMs;
}

/** Those who led without having been the Lease's holder in this order. */
function unfoundedOf(history: readonly Holding[], terms: readonly Term[]): string[] {
  let index = 0;
  return terms.flatMap(({ pod, fromMs }) => {
    const found = history.findIndex(({ holder }, i) => i >= index && holder === pod);
    if (found === -1) return [`${pod} led at ${fromMs.toFixed(0)} ms without the Lease`];
    index = found;
    return [];
  });
}
