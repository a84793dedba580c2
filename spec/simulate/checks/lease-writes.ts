import { leaseCheck } from '../check.ts';
import { HAND } from '../excuses.ts';
import type { Sent } from '../fact.ts';
import { LeaseCandidate } from '../lease-candidate.ts';
import type { ElectorSlot } from '../lease-process.ts';
import { type SeenRecord, recordOf } from '../sightings.ts';
import type { World } from '../world.ts';

interface LeaseBody {
  readonly metadata: {
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** Clocks are read in fractions. */
const ROUNDING_MS = 1e-3;

interface Gone {
  readonly uid: string;
  readonly atMs: number;
  /** It had been the holder itself, perhaps without leading any more. */
  readonly wasMine: boolean;
}

function holdingOf(identity: string, { uid }: SeenRecord): string {
  return JSON.stringify([identity, uid]);
}

/** What one of ours may write, given what is stored in truth and what it has been shown. */
class Writes {
  readonly #world: World;
  readonly #violated: (text: string) => void;
  readonly #versions = new Map<string, SeenRecord>();
  /** Whoever edits who holds it lets others lead: see `docs/lease.md`. */
  readonly #byHand = new Set<string>();
  /** With which transitions each name was on record in each Lease, and since which version. */
  readonly #transitions = new Map<string, { since: bigint; count: number }[]>();
  /** The last Lease that was deleted of those that each one had read, and when, by its own clock. */
  readonly #gone = new Map<LeaseCandidate, Gone>();
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

  written(before: LeaseBody | undefined, after: LeaseBody | undefined): void {
    if (!after) {
      const uid = before?.metadata.uid ?? '';
      for (const who of this.#world.living) {
        if (!(who instanceof LeaseCandidate) || !who.sightings.hasRead(uid)) continue;
        const wasMine = before !== undefined && recordOf(before).holderIdentity === who.identity;
        this.#gone.set(who, { uid, atMs: who.clock.now(), wasMine });
      }
      return;
    }
    const record = recordOf(after);
    const version = after.metadata.resourceVersion ?? '';
    this.#versions.set(version, record);
    const holding = holdingOf(record.holderIdentity, record);
    const counts = this.#transitions.get(holding) ?? [];
    this.#transitions.set(holding, counts);
    if (counts.at(-1)?.count !== record.leaseTransitions) {
      counts.push({ since: BigInt(version), count: record.leaseTransitions });
    }
    if (after.metadata.annotations?.[HAND] !== undefined) this.#byHand.add(record.key);
    const { holderIdentity, leaseDurationSeconds: seconds = 0 } = record;
    if (holderIdentity !== '' && seconds > 0) {
      this.#shortestMs = Math.min(this.#shortestMs, seconds * 1_000);
    }
    if (!before || before.metadata.annotations?.[HAND] !== after.metadata.annotations?.[HAND]) {
      return;
    }
    const { leaseTransitions } = recordOf(before);
    if (record.leaseTransitions < leaseTransitions) {
      this.#violated(`transitions went back from ${leaseTransitions}`);
    }
  }

  sent(who: LeaseCandidate, { verb, request }: Sent): void {
    const body = request.body as LeaseBody;
    if (verb === 'update') this.#update(who, body);
    else if (verb === 'create') this.#create(who, body);
    else if (verb === 'delete' || verb === 'patch') this.#violated(`${who.name}: ${verb}`);
  }

  #update(who: LeaseCandidate, body: LeaseBody): void {
    const { resourceVersion, uid } = body.metadata;
    if (resourceVersion === undefined || uid === undefined) {
      this.#violated(`${who.name} replaces whatever is there`);
      return;
    }
    const replaced = this.#versions.get(resourceVersion);
    if (!replaced) {
      this.#violated(`${who.name} replaces ${resourceVersion}, which never was`);
      return;
    }
    const record = recordOf(body);
    if (record.holderIdentity === '') this.#release(who, replaced, record);
    else this.#acquire(who, replaced, record, resourceVersion);
  }

  #release(who: LeaseCandidate, replaced: SeenRecord, record: SeenRecord): void {
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

  #acquire(who: LeaseCandidate, replaced: SeenRecord, record: SeenRecord, version: string): void {
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

  /** A term ends when another one has had the Lease, though he has it no more. */
  #goOn(who: LeaseCandidate, replaced: SeenRecord, version: bigint): void {
    if (replaced.holderIdentity !== '') return;
    const counts = this.#transitions.get(holdingOf(who.identity, replaced)) ?? [];
    const last = counts.findLast(({ since }) => since <= version);
    if (last?.count === replaced.leaseTransitions) return;
    this.#violated(`${who.name} goes on to lead although another one has led since`);
  }

  #create(who: LeaseCandidate, body: LeaseBody): void {
    const { name, identity } = who;
    const { holderIdentity, leaseTransitions } = recordOf(body);
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
      if (resource === 'leases') writes.written(before, after);
    },
    sent: ({ who, sent }) => {
      if (sent.resource === 'leases') writes.sent(who, sent);
    },
  };
});
