/** For both modes: who steps down, who stands aside, and who leaves a free lock to others. */
import type { KubeObject } from '../../../lib/testing/objects.ts';
import { Candidate } from '../candidate.ts';
import { type Check, checkOf } from '../check.ts';
import type { Fact, Sent } from '../fact.ts';
import { LeaseCandidate } from '../lease-candidate.ts';
import { recordOf } from '../lease-record.ts';
import { isWrite } from '../sightings.ts';
import { lockOf } from '../truth.ts';
import type { World } from '../world.ts';

/** How long one leaves a lock to others. */
const YIELD_MS = 2_000;

/** A preference that does not answer is not waited for any longer. */
const ASKING_MS = 1_000;

/** Timers are whole milliseconds, and may be early. */
const TIMER_MS = 20;

/** The kind of objects that it competes for. */
function lockKind({ kind }: Candidate): 'configmaps' | 'leases' {
  return kind === 'life' ? 'configmaps' : 'leases';
}

/** By what an object says who holds it. */
function holderIn(resource: string, object: unknown): string {
  if (resource === 'leases') return recordOf(object).holderIdentity;
  return lockOf(object as KubeObject).holderUid;
}

function ownName(who: Candidate): string {
  return who instanceof LeaseCandidate ? who.identity : who.podUid;
}

/** What it competes for, as it is stored. */
function lockIn({ cluster }: World, who: Candidate): KubeObject | undefined {
  return who.kind === 'life' ? cluster.getConfigMap('lock') : cluster.getLease('lock');
}

/** How long it stands aside once it has stepped down: until others that poll have come, too. */
function asideMs(who: Candidate): number {
  return Math.max(2_000, who instanceof LeaseCandidate ? 2.5 * who.setting.times.retryPeriodMs : 0);
}

/** Whether this would make it the holder, which it is not already, as one is whose work is ending. */
function isTaking(world: World, who: Candidate, sent: Sent): boolean {
  if (!(who instanceof LeaseCandidate)) {
    return sent.resource === 'configmaps' && sent.verb === 'create';
  }
  const isItsOwn = recordOf(lockIn(world, who)).holderIdentity === who.identity;
  const keeps = who.serves || (who.term !== undefined && isItsOwn);
  return isClaim(who, sent) && !keeps;
}

/** Whether it claims a Lease, which may still be its own. */
function isClaim(who: LeaseCandidate, sent: Sent): boolean {
  const { holderIdentity } = recordOf(sent.request.body);
  return sent.resource === 'leases' && isWrite(sent) && holderIdentity === who.identity;
}

/** A candidate whose check does not pass takes no lock. If it fails before the answer, that is late. */
const unhealthyCandidates = checkOf(
  Candidate,
  'BAR-1: no unhealthy candidate takes the lock',
  (world, violated) => ({
    sent: ({ who, sent }) => {
      const { checkup } = who;
      if (!checkup || checkup.allows || !isTaking(world, who, sent)) return;
      const agoMs = Math.round(who.clock.now() - checkup.lastMs);
      const { failures } = checkup;
      violated(`${who.name} takes the lock: ${failures} checks failed, the last ${agoMs} ms ago`);
    },
  }),
);

/** A leader steps down once its check has failed often enough, and again if it has come to lead late. */
const unhealthyLeaders = checkOf(Candidate, 'unhealthy leaders step down', (_, violated) => {
  const sinceMs = new Map<Candidate, number>();
  return {
    leads: ({ who }) => sinceMs.set(who, who.clock.now()),
    settled: () => {
      for (const [who, beganMs] of sinceMs) {
        const { checkup } = who;
        if (!who.goesOn || !checkup) sinceMs.delete(who);
        else if (who.isAwake && checkup.hasReachedThreshold && checkup.lastMs > beganMs) {
          violated(`${who.name} goes on after ${checkup.failures} failures`);
        }
      }
    },
  };
});

/** Which locks have asked whom to hand over, whether that was heard or not. */
class Requests {
  readonly #asked = new Set<string>();

  notice({ resource, after }: Fact & { type: 'written' }): void {
    if (after && isAsked(resource, after)) this.#asked.add(this.#keyOf(resource, after));
  }

  has(who: Candidate, object: unknown): boolean {
    return this.#asked.has(this.#keyOf(lockKind(who), object));
  }

  ofName(who: Candidate): boolean {
    return [...this.#asked].some((key) => key.endsWith(` ${ownName(who)}`));
  }

  #keyOf(resource: string, object: unknown): string {
    return `${resource} ${holderIn(resource, object)}`;
  }
}

/** Whether it asks its holder to hand over. */
function isAsked(resource: string, object: KubeObject): boolean {
  if (resource === 'leases') return recordOf(object).isHolderAsked;
  if (resource !== 'configmaps') return false;
  const { asked, holderName } = lockOf(object);
  return asked !== undefined && asked === holderName;
}

/** Nobody is told to step down whom neither the lock nor its health check has given a reason. */
const dueStepDowns = checkOf(Candidate, 'step-downs have a cause', (world, violated) => {
  const requests = new Requests();
  return {
    written: (fact) => {
      requests.notice(fact);
    },
    'steps down': ({ who, isCalled }) => {
      if (isCalled) world.figures.add('step-downs that a program calls');
      else if (who.checkup?.hasReachedThreshold === true) {
        world.figures.add('step-downs for a failing check');
      } else if (requests.ofName(who)) world.figures.add('step-downs that a lock asks for');
      else violated(`${who.name} is told to step down without a reason`);
    },
  };
});

/** A leader that is shown a request to hand over tells its work at once. */
const heardRequests = checkOf(Candidate, 'requests to step down are heard', (_, violated) => {
  const told = new Set<Candidate>();
  return {
    answered: ({ who, sent, status, body }) => {
      const isShown = status === 200 && sent.resource === lockKind(who) && sent.verb !== 'watch';
      if (!isShown || sent.verb === 'list' || !who.goesOn) return;
      if (holderIn(sent.resource, body) !== ownName(who)) return;
      if (isAsked(sent.resource, body as KubeObject)) told.add(who);
    },
    settled: () => {
      for (const who of told) {
        if (who.goesOn && who.isAwake) {
          violated(`${who.name} goes on, although its lock asks it to hand over`);
        }
      }
      told.clear();
    },
  };
});

/** When, by its own clock, the work of a leader that has stepped down has ended or was given up. */
function workEndedMs({ term, setting }: LeaseCandidate): number {
  const { abortedMs = Number.POSITIVE_INFINITY, settledMs } = term ?? {};
  const givenUpMs = abortedMs + setting.times.renewDeadlineMs;
  return Math.min(settledMs ?? Number.POSITIVE_INFINITY, givenUpMs);
}

/** A Lease that it has not released it takes back only when others have had their turn. */
const takingBack = checkOf(LeaseCandidate, 'BAR-2: aside without a release', (world, violated) => {
  const stepped = new Set<LeaseCandidate>();
  /** They campaign again: each campaign begins with a look. */
  const looked = new Set<LeaseCandidate>();
  const forget = (who: LeaseCandidate) => {
    stepped.delete(who);
    looked.delete(who);
  };
  return {
    leads: ({ who }) => forget(who),
    answered: ({ who, sent, status, body }) => {
      const isRead = sent.verb === 'get' || sent.verb === 'update';
      if (sent.resource !== 'leases' || !isRead) return;
      // It has released it, it is gone, or another one holds it.
      const isOthers = status === 200 && holderIn('leases', body) !== who.identity;
      if (status === 404 || isOthers) forget(who);
    },
    'steps down': ({ who }) => {
      if (who.setting.isNamesake !== true) stepped.add(who);
    },
    written: ({ resource, after }) => {
      if (resource !== 'leases' || !after) return;
      const holder = holderIn(resource, after);
      for (const who of stepped) if (!['', who.identity].includes(holder)) forget(who);
    },
    sent: ({ who, sent }) => {
      if (!stepped.has(who)) return;
      const endedMs = workEndedMs(who);
      const nowMs = who.clock.now();
      if (isLook(sent) && nowMs > endedMs) looked.add(who);
      if (!looked.has(who) || !isClaim(who, sent)) return;
      forget(who);
      world.figures.add('Leases taken back that were not released by a step-down');
      const earlyMs = endedMs + who.setting.times.leaseDurationMs + asideMs(who) - nowMs;
      if (earlyMs > 1) violated(`${who.name} takes its Lease back ${Math.round(earlyMs)} ms early`);
    },
  };
});

/** Who has stepped down leaves the lock to others, until one of them has it or the time is over. */
const standingAside = checkOf(Candidate, 'BAR-2: aside after a step-down', (world, violated) => {
  const stepping = new Set<Candidate>();
  const sinceMs = new Map<Candidate, number>();
  const begin = (who: Candidate) => {
    if (stepping.delete(who)) sinceMs.set(who, who.clock.now());
  };
  return {
    leads: ({ who }) => {
      stepping.delete(who);
    },
    'steps down': ({ who }) => {
      // By its name, nothing tells it from the next leader.
      if (who instanceof LeaseCandidate && who.setting.isNamesake === true) return;
      stepping.add(who);
    },
    released: ({ who }) => {
      begin(who);
    },
    answered: ({ who, sent, status, body }) => {
      const isRead = sent.verb === 'get' || sent.verb === 'update';
      if (status !== 200 || sent.resource !== lockKind(who) || !isRead) return;
      const holder = holderIn(sent.resource, body);
      if (sent.verb === 'update' && sent.resource === 'leases' && holder === '') begin(who);
      // Another one has led before: this look may be the first that shows it.
      if (!['', ownName(who)].includes(holder)) sinceMs.delete(who);
    },
    written: ({ resource, after }) => {
      if (!after) return;
      for (const who of [...stepping, ...sinceMs.keys()]) {
        if (resource !== lockKind(who)) continue;
        if (['', ownName(who)].includes(holderIn(resource, after))) continue;
        stepping.delete(who);
        sinceMs.delete(who);
      }
    },
    sent: ({ who, sent }) => {
      const steppedMs = sinceMs.get(who);
      if (steppedMs === undefined || !isTaking(world, who, sent)) return;
      sinceMs.delete(who);
      const ms = who.clock.now() - steppedMs;
      world.figures.add('locks taken again after a step-down');
      if (ms < asideMs(who) - 1)
        violated(`${who.name} takes the lock ${Math.round(ms)} ms after it stepped down`);
    },
  };
});

/** By its own clock: how long a candidate leaves a free lock to others, and since when it asks. */
interface Yield {
  readonly askingMs: number;
  readonly sinceMs: number;
  readonly limitMs: number;
}

function isOver(who: Candidate, { sinceMs, limitMs }: Yield): boolean {
  return who.clock.now() - sinceMs > limitMs + TIMER_MS;
}

/** Whether it is an elector's look at the Lease. */
function isLook({ resource, verb }: Sent): boolean {
  return resource === 'leases' && verb === 'get';
}

/** Whether a candidate that asks who is preferred may have learned meanwhile that another leads. */
function hasLearned(who: Candidate, { askingMs }: Yield, stored: KubeObject | undefined): boolean {
  if (!stored || ['', ownName(who)].includes(holderIn(lockKind(who), stored))) return false;
  if (!(who instanceof LeaseCandidate)) return true;
  return (who.sightings.firstMs(recordOf(stored)) ?? Number.NEGATIVE_INFINITY) >= askingMs;
}

/**
 * Who has asked whether others are preferred has taken the lock, or looked again, when its time to
 * yield is over; at once, if the lock is its own.
 */
const boundedYields = checkOf(Candidate, 'BAR-3: bounded yields', (world, violated) => {
  const all = new Map<Candidate, Yield>();
  /** How often each had asked when it sent its last request, and when that was. */
  const settled = new Map<Candidate, { asked: number; atMs: number }>();
  const settle = (who: Candidate) => {
    all.delete(who);
    const atMs = who.clock.now();
    if (who.preferring) settled.set(who, { asked: who.preferring.asked, atMs });
  };
  const notice = (who: Candidate) => {
    const before = settled.get(who);
    if (!before || !who.preferring || who.preferring.asked <= before.asked) return;
    const { asked, askedMs: sinceMs } = who.preferring;
    settled.set(who, { ...before, asked });
    const limitMs = shownOwn.has(who) ? ASKING_MS : YIELD_MS;
    all.set(who, { askingMs: before.atMs, sinceMs, limitMs });
    world.figures.add('candidates that yield');
  };
  const shownOwn = new Set<Candidate>();
  /** Whose look at the Lease has not been answered yet. */
  const looking = new Set<Candidate>();
  const forget = ({ who }: { readonly who: Candidate }) => {
    all.delete(who);
    looking.delete(who);
  };
  const judge = (who: Candidate, yielding: Yield) => {
    const { limitMs } = yielding;
    // A bar, or anything that happens to the lock, begins another wait.
    const isBarred = who.checkup?.allows === false;
    const isElsewhere = hasLearned(who, yielding, lockIn(world, who));
    if (!who.isAwake || isBarred || isElsewhere || !who.isBusy || who.goesOn) all.delete(who);
    else if (isOver(who, yielding) && !looking.has(who)) {
      all.delete(who);
      violated(`${who.name} leaves a free lock to others for more than ${limitMs} ms`);
    }
  };
  return {
    asked: ({ who }) => {
      settle(who);
    },
    withdrew: forget,
    died: forget,
    written: ({ resource, after }) => {
      for (const who of all.keys()) if (resource === lockKind(who)) all.delete(who);
      if (resource !== 'leases') return;
      // Its watch may have shown it that the Lease is its own no longer.
      for (const who of shownOwn)
        if (holderIn(resource, after) !== ownName(who)) shownOwn.delete(who);
    },
    answered: ({ who, sent, status, body }) => {
      if (!isLook(sent)) return;
      looking.delete(who);
      if (status !== 200) all.delete(who);
      const isOwn = status === 200 && recordOf(body).holderIdentity === ownName(who);
      if (isOwn) shownOwn.add(who);
      else shownOwn.delete(who);
    },
    unanswered: ({ who, sent }) => {
      if (!isLook(sent)) return;
      looking.delete(who);
      all.delete(who);
    },
    sent: ({ who, sent }) => {
      if (isLook(sent)) looking.add(who);
      notice(who);
      const yielding = all.get(who);
      // An elector may look, and watches others' Pods, while it yields.
      const goesOn = yielding && who instanceof LeaseCandidate && !isWrite(sent);
      // Who reads its own Pod, say, has not come to the lock yet.
      if (!goesOn || isOver(who, yielding)) settle(who);
    },
    settled: () => {
      for (const who of settled.keys()) notice(who);
      for (const [who, yielding] of all) judge(who, yielding);
    },
  };
});

export const handoverChecks: readonly Check[] = [
  ...[unhealthyCandidates, unhealthyLeaders, dueStepDowns, heardRequests],
  ...[standingAside, takingBack, boundedYields],
];
