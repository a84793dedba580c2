import { leaseCheck } from '../check.ts';
import type { Sent } from '../fact.ts';
import { LeaseCandidate } from '../lease-candidate.ts';
import type { ElectorSlot } from '../lease-process.ts';
import { type LeaseRecord, recordOf } from '../lease-record.ts';
import type { World } from '../world.ts';

/** Clocks are read in fractions. */
const ROUNDING_MS = 1e-3;

interface Gone {
  readonly uid: string;
  readonly atMs: number;
  /** It had been the holder itself, perhaps without leading any more. */
  readonly wasMine: boolean;
}

function holdingOf(identity: string, { uid }: LeaseRecord): string {
  return JSON.stringify([identity, uid]);
}

function writeOf({ holderIdentity, renewTime }: LeaseRecord): string {
  return JSON.stringify([holderIdentity, renewTime]);
}

/** What one of ours may write, given what is stored in truth and what it has been shown. */
class Writes {
  readonly #world: World;
  readonly #violated: (text: string) => void;
  readonly #versions = new Map<string, LeaseRecord>();
  /** Leases whose holder was edited by hand, so others may lead: see `docs/lease-protocol.md`. */
  readonly #byHand = new Set<string>();
  /** With which transitions each name was on record in each Lease, and since which version. */
  readonly #transitions = new Map<string, { since: bigint; count: number }[]>();
  /** The last Lease that was deleted of those that each one had read, and when, by its own clock. */
  readonly #gone = new Map<LeaseCandidate, Gone>();
  /** By holder and time, who sent each record. */
  readonly #writers = new Map<string, LeaseCandidate>();
  /** The shortest time for which any holder on record has counted. */
  #shortestMs: number;

  constructor(world: World, violated: (text: string) => void) {
    this.#world = world;
    this.#violated = violated;
    const times = world.schedule.setting.slots.flatMap((slot) => {
      const { times: given } = slot as Partial<ElectorSlot>;
      return given ? [given.leaseDurationMs] : [];
    });
    this.#shortestMs = Math.min(...times);
  }

  written(before: LeaseRecord | undefined, record: LeaseRecord | undefined): void {
    if (!record) {
      const { uid = '', holderIdentity } = before ?? recordOf(undefined);
      for (const who of this.#world.living) {
        if (!(who instanceof LeaseCandidate) || !who.sightings.hasRead(uid)) continue;
        const wasMine = holderIdentity === who.identity;
        this.#gone.set(who, { uid, atMs: who.clock.now(), wasMine });
      }
      return;
    }
    const { version = '', holderIdentity, leaseDurationSeconds = 0, leaseTransitions } = record;
    this.#versions.set(version, record);
    const holding = holdingOf(holderIdentity, record);
    const counts = this.#transitions.get(holding) ?? [];
    this.#transitions.set(holding, counts);
    if (counts.at(-1)?.count !== leaseTransitions) {
      counts.push({ since: BigInt(version), count: leaseTransitions });
    }
    if (record.hand !== undefined) this.#byHand.add(record.key);
    if (holderIdentity !== '' && leaseDurationSeconds > 0) {
      this.#shortestMs = Math.min(this.#shortestMs, leaseDurationSeconds * 1_000);
    }
    if (!before || before.hand !== record.hand) return;
    if (leaseTransitions >= before.leaseTransitions) return;
    this.#violated(`transitions went back from ${before.leaseTransitions}`);
  }

  sent(who: LeaseCandidate, { verb, request }: Sent): void {
    const record = recordOf(request.body);
    this.#writers.set(writeOf(record), who);
    if (verb === 'update') this.#update(who, record);
    else if (verb === 'create') this.#create(who, record);
    else if (verb === 'delete' || verb === 'patch') this.#violated(`${who.name}: ${verb}`);
  }

  #update(who: LeaseCandidate, record: LeaseRecord): void {
    const { version, uid } = record;
    if (version === undefined || uid === undefined) {
      this.#violated(`${who.name} replaces whatever is there`);
      return;
    }
    const replaced = this.#versions.get(version);
    if (!replaced) {
      this.#violated(`${who.name} replaces ${version}, which never was`);
      return;
    }
    if (record.holderIdentity === '') this.#release(who, replaced, record);
    else this.#acquire(who, replaced, record, version);
  }

  #release(who: LeaseCandidate, replaced: LeaseRecord, record: LeaseRecord): void {
    const { name, identity, term } = who;
    const of = replaced.holderIdentity || 'nobody';
    if (replaced.holderIdentity !== identity) this.#violated(`${name} releases what ${of} holds`);
    if (record.leaseTransitions !== replaced.leaseTransitions) {
      this.#violated(`${name} releases, and counts a transition`);
    }
    if (record.leaseDurationSeconds !== 1 || record.acquireTime !== record.renewTime) {
      this.#violated(`${name} releases, and leaves a duration or a time`);
    }
    // A signal's reason tells how the last term ended; with `recampaign` there may be a doubt since.
    const { code } = (term?.signal.reason ?? {}) as { readonly code?: string };
    const isLost = code === 'ERR_LEADERSHIP_LOST' && !who.setting.recampaign;
    if (isLost && term?.call === who.callCount) this.#violated(`${name} releases after a loss`);
    if (term && !term.isSettled && term.abortedMs !== undefined && term.call === who.callCount) {
      this.#violated(`${name} releases while its work goes on`);
    }
  }

  #acquire(who: LeaseCandidate, replaced: LeaseRecord, record: LeaseRecord, version: string): void {
    const { name, identity, clock, sightings, setting } = who;
    const { times } = setting;
    if (record.holderIdentity !== identity) {
      this.#violated(`${name} writes the name of ${record.holderIdentity}`);
    }
    if (record.leaseDurationSeconds !== times.leaseDurationMs / 1_000) {
      this.#violated(`${name} writes a duration of ${record.leaseDurationSeconds ?? 'none'} s`);
    }
    const isHeld = replaced.holderIdentity === identity;
    const isNamesakes = isHeld && setting.isNamesake === true;
    const isAnother = isNamesakes && record.leaseTransitions > replaced.leaseTransitions;
    const held = isHeld && !isAnother;
    if (record.leaseTransitions !== replaced.leaseTransitions + (held ? 0 : 1)) {
      this.#violated(`${name} writes ${record.leaseTransitions} transitions`);
    }
    const acquired = (held ? replaced.acquireTime : undefined) ?? record.renewTime;
    if (record.renewTime === undefined || record.acquireTime !== acquired) {
      this.#violated(`${name} writes the time ${record.acquireTime ?? 'none'} of its beginning`);
    }
    if (who.serves) this.#goOn(who, replaced, BigInt(version));
    if (isHeld) return;
    if (replaced.holderIdentity === '') {
      // One that was created anew says nothing of whoever had the last one.
      const { uid = '' } = replaced;
      const isNew = this.#gone.get(who)?.uid !== uid && !sightings.hasSeenHeld(uid);
      const isPlain = !this.#byHand.has(replaced.key);
      if (isNew && isPlain) this.#waited(who, 'takes the new Lease');
      return;
    }
    if (this.#hasEnded(replaced)) return;
    const seenMs = sightings.firstMs(replaced);
    if (seenMs === undefined) {
      this.#violated(`${name} takes over a Lease of ${replaced.holderIdentity} that it never saw`);
      return;
    }
    const { leaseDurationSeconds: seconds = 0 } = replaced;
    const limitMs = seconds > 0 ? seconds * 1_000 : times.leaseDurationMs;
    const ageMs = clock.now() - seenMs;
    if (ageMs < limitMs - ROUNDING_MS) {
      this.#violated(
        `${name} takes the Lease of ${replaced.holderIdentity} over, which it has known for only ` +
          `${Math.round(ageMs)} of ${limitMs} ms`,
      );
    }
  }

  /** Nobody leads by this record, which its Pod's status may show: its process has ended. */
  #hasEnded(replaced: LeaseRecord): boolean {
    const writer = this.#writers.get(writeOf(replaced));
    if (!writer || writer.isAlive || writer.setting.inPod !== true) return false;
    this.#world.figures.add('records of processes that have ended taken over');
    return true;
  }

  /** A term ends when another one has had the Lease, though he has it no more. */
  #goOn(who: LeaseCandidate, replaced: LeaseRecord, version: bigint): void {
    if (replaced.holderIdentity !== '') return;
    const counts = this.#transitions.get(holdingOf(who.identity, replaced)) ?? [];
    const last = counts.findLast(({ since }) => since <= version);
    if (last?.count === replaced.leaseTransitions) return;
    this.#violated(`${who.name} goes on to lead although another one has led since`);
  }

  #create(who: LeaseCandidate, { holderIdentity, leaseTransitions }: LeaseRecord): void {
    const { name, identity } = who;
    if (holderIdentity !== identity || leaseTransitions !== 0) {
      this.#violated(`${name} creates a Lease of ${holderIdentity} with ${leaseTransitions}`);
    }
    this.#waited(who, 'creates the Lease');
  }

  /** The time of whoever had the Lease when it was deleted has to be over, unless that is oneself. */
  #waited(who: LeaseCandidate, does: string): void {
    const { name, clock, sightings, setting } = who;
    const gone = this.#gone.get(who);
    if (who.mayLead || !gone || gone.wasMine || !sightings.hasRead(gone.uid)) return;
    const ageMs = clock.now() - gone.atMs;
    const limitMs = Math.min(this.#shortestMs, setting.times.leaseDurationMs);
    if (ageMs < limitMs - ROUNDING_MS) {
      this.#violated(`${name} ${does} ${Math.round(ageMs)} ms after the last was deleted`);
    }
  }
}

/** What ours write is conditional, and takes nothing from anybody who may lead. */
export const leaseWrites = leaseCheck('LEASE-2: writes of the Lease', (world, violated) => {
  const writes = new Writes(world, violated);
  return {
    written: ({ resource, before, after }) => {
      if (resource !== 'leases') return;
      writes.written(before && recordOf(before), after && recordOf(after));
    },
    sent: ({ who, sent }) => {
      if (sent.resource === 'leases') writes.sent(who, sent);
    },
  };
});
