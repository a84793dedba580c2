/** For both modes: nothing is asked, and nothing runs on, once nothing is wanted; nor is anything asked too often. */
import { Candidate } from '../candidate.ts';
import { type Check, checkOf, leaseCheck, lifeCheck } from '../check.ts';
import type { Fact } from '../fact.ts';
import { LeaseCandidate } from '../lease-candidate.ts';
import { LifeCandidate } from '../life-candidate.ts';
import { recordOf } from '../lease-record.ts';

/** Once a call has come to its end, nothing is asked of the cluster for it any more. */
export const silence = lifeCheck('silence', (_, violated) => ({
  sent: ({ who, sent: { verb, resource, name } }) => {
    if (!who.isAlive || who.mayRequest) return;
    violated(`${who.name} sends ${verb} ${resource}/${name}, although it wants nothing`);
  },
}));

/** Once nothing is wanted of it any more, a process has no timer and no request of the library's. */
function remainsOf<Who extends Candidate>(
  name: string,
  candidates: abstract new (...given: never[]) => Who,
  mayGoOn: (who: Who) => boolean,
): Check {
  return checkOf(candidates, name, (_, violated) => {
    const over = new Set<Who>();
    const end = ({ who }: { readonly who: Who }) => over.add(who);
    return {
      leads: end,
      ended: end,
      refused: end,
      settled: () => {
        for (const who of over) {
          if (!who.isAlive || mayGoOn(who)) over.delete(who);
          else if (who.isAwake) {
            over.delete(who);
            const { timers, requests } = who.remains;
            if (timers + requests === 0) continue;
            violated(`${who.name} leaves ${timers} timers and ${requests} requests`);
          }
        }
      },
    };
  });
}

export const nothingRemains = remainsOf(
  'nothing remains',
  LifeCandidate,
  (who) => who.mayHaveTimers,
);

export const electorRemains = remainsOf(
  'nothing of electors remains',
  LeaseCandidate,
  (who) => who.isBusy,
);

/** More than any call needs in a second, whatever goes wrong, but for what others do to the lock. */
const MAX_PER_SECOND = 40;

/** A new holder is looked at; a free lock is asked for, and its last holder is read. */
const PER_CHANGE = 6;

/** Of a call that is refused at once: its program may ask again, time after time. */
const PER_CALL = 8;

/** Who hands the lock on more often than that in a second is no reason to ask without end. */
const MOST_CHANGES = 10;

/** Of a wiped Lease: a read and a write. */
const PER_WIPE = 2;

/** What has happened within the last second. */
class Recent<T extends { readonly atMs: number }> {
  #all: T[] = [];

  add(one: T): void {
    this.#all.push(one);
  }

  at(atMs: number): readonly T[] {
    this.#all = this.#all.filter((other) => other.atMs > atMs - 1_000);
    return this.#all;
  }
}

class RecentBy<T extends { readonly atMs: number }> extends Map<unknown, Recent<T>> {
  of(whom: unknown): Recent<T> {
    const found = this.get(whom) ?? new Recent<T>();
    this.set(whom, found);
    return found;
  }
}

/** Nobody asks as fast as he can, whatever goes wrong: failures are met with patience. */
export const patience = lifeCheck('patience', (world, violated) => {
  const requests = new RecentBy<{ readonly atMs: number; readonly calls: number }>();
  const begun = new RecentBy<{ readonly atMs: number }>();
  const changes = new Recent<{ readonly atMs: number }>();
  return {
    written: ({ resource }) => {
      if (resource === 'configmaps') changes.add({ atMs: world.clock.now() });
    },
    asked: ({ who }) => begun.of(who).add({ atMs: world.clock.now() }),
    sent: ({ who }) => {
      const atMs = world.clock.now();
      requests.of(who).add({ atMs, calls: who.remains.calls });
      const sent = requests.of(who).at(atMs);
      if (sent.length <= MAX_PER_SECOND) return;
      const calls = Math.max(1, ...sent.map((other) => other.calls));
      const most =
        calls * (MAX_PER_SECOND + PER_CHANGE * Math.min(changes.at(atMs).length, MOST_CHANGES)) +
        PER_CALL * begun.of(who).at(atMs).length;
      if (sent.length === most + 1) {
        violated(`${who.name} sends more than ${most} requests within a second`);
      }
    },
  };
});

/** Nobody asks without end, and nobody asks at all when its call is over. */
export const electorRequests = leaseCheck('requests of electors', (world, violated) => {
  const requests = new RecentBy<{ readonly atMs: number }>();
  // Each time that a Lease is wiped, its leader takes it back, and others look.
  const wiped = new Recent<{ readonly atMs: number }>();
  return {
    written: ({ resource, after }) => {
      const isWiped = resource === 'leases' && after && recordOf(after).holderIdentity === '';
      if (isWiped) wiped.add({ atMs: world.clock.now() });
    },
    asked: ({ who }) => requests.delete(who),
    sent: ({ who, sent: { verb, atMs } }) => {
      if (!who.isBusy) violated(`${who.name} sends ${verb} when its call is over`);
      requests.of(who).add({ atMs });
      const most = MAX_PER_SECOND + PER_WIPE * wiped.at(atMs).length;
      if (requests.of(who).at(atMs).length > most) {
        violated(`${who.name} sends requests without a pause`);
      }
    },
  };
});

/** Whoever says that a right is missing, or prints the Role that grants it, was told so. */
export const missingRights = checkOf(Candidate, 'missing rights', (_, violated) => {
  const refused = new Set<unknown>();
  const denied = new Set<unknown>();
  const judge = ({ name }: Candidate, isDenied: boolean, text: string) => {
    if (!text.includes('kind: Role') || isDenied) return;
    violated(`${name} prints a Role that mends nothing: ${text.slice(0, 300)}`);
  };
  return {
    answered: (fact) => {
      if (fact.status !== 403) return;
      refused.add(fact.who);
      if (isDenial(fact)) denied.add(fact.who);
    },
    warned: ({ who, code, message }) => {
      if (code === 'LEADER_FOR_LIFE_DEGRADED' && !refused.has(who)) {
        violated(`${who.name} goes on without a right that nobody denied: ${message}`);
      }
      judge(who, denied.has(who), message);
    },
    refused: ({ who, error }) =>
      judge(who, denied.has(who), error instanceof Error ? error.message : ''),
  };
});

/**
 * The authorizer's, which a Role may change: a quota, or an admission plugin, answers 403, too. They
 * have no say in a watch, whose answer is not kept.
 */
function isDenial({ sent, body }: Fact & { type: 'answered' }): boolean {
  const { message = '' } = (body ?? {}) as { readonly message?: string };
  return sent.verb === 'watch' || / is forbidden: User "[^"]+" cannot /.test(message);
}
