import type { Fact } from './fact.ts';
import { LeaseProcess } from './lease-process.ts';
import { recordOf } from './sightings.ts';
import type { World } from './world.ts';

/** By it, whoever edits the Lease by hand leaves a trace. */
export const HAND = 'by-hand';

/**
 * Who may believe, for a while, that it leads beside another, as `docs/lease.md` says in "What nobody
 * can prevent": whoever had the Lease when it was deleted, or given to somebody else, by hand; and
 * whoever's Lease a client-go wiped. Each until it has to renew. And a client-go that has released:
 * it tells its work to stop only when it was answered, or has waited for that.
 */
export class Excuses {
  readonly #world: World;
  readonly #untilMs = new Map<LeaseProcess, number>();
  /** The versions that their own holders asked to release. */
  readonly #released = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  has(who: LeaseProcess): boolean {
    return this.#world.clock.now() < (this.#untilMs.get(who) ?? 0);
  }

  readonly notice = (fact: Fact): void => {
    if (fact.type === 'sent' && fact.sent.verb === 'update') {
      this.#noticeRelease(fact.who as LeaseProcess, fact.sent.request.body);
    }
    if (fact.type !== 'written' || fact.resource !== 'leases' || !fact.before) return;
    const before = fact.before as never as Lease;
    const after = fact.after as never as Lease | undefined;
    const { holderIdentity: holder } = recordOf(before);
    const isSame = after && recordOf(after).holderIdentity === holder;
    if (isSame) return;
    const isByHand = !after || handOf(after) !== handOf(before);
    const isFree = after && recordOf(after).holderIdentity === '';
    const isReleased = this.#released.has(`${holder} ${before.metadata.resourceVersion}`);
    if (isByHand || (isFree && !isReleased)) this.#excuse(holder);
    else if (isFree) this.#excuseReleaser(holder);
  };

  #noticeRelease(who: LeaseProcess, body: unknown): void {
    const { metadata, spec } = body as Lease & { spec?: { holderIdentity?: string } };
    if (spec?.holderIdentity !== '' || !(who instanceof LeaseProcess)) return;
    this.#released.add(`${who.identity} ${metadata.resourceVersion}`);
  }

  #excuse(holder: string): void {
    for (const who of this.#world.living) {
      if (!(who instanceof LeaseProcess)) continue;
      if (who.identity === holder || who.mayLead) this.#trust(who);
    }
  }

  #excuseReleaser(holder: string): void {
    for (const who of this.#world.living) {
      if (who instanceof LeaseProcess && who.kind === 'client-go' && who.identity === holder) {
        this.#trust(who);
      }
    }
  }

  #trust(who: LeaseProcess): void {
    this.#untilMs.set(who, this.#world.clock.now() + trustMs(who) / who.setting.clock.rate);
  }
}

interface Lease {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

function handOf({ metadata }: Lease): string | undefined {
  return metadata.annotations?.[HAND];
}

/** How long one may believe in its Lease after it sent a renewal, by its own clock. */
export function trustMs({ kind, setting }: LeaseProcess): number {
  const { renewDeadlineMs, retryPeriodMs } = setting.times;
  return kind === 'lease' ? renewDeadlineMs : renewDeadlineMs + retryPeriodMs;
}

const all = new WeakMap<World, Excuses>();

/** Those of this world. */
export function excusesOf(world: World): Excuses {
  const found = all.get(world);
  if (found) return found;
  const excuses = new Excuses(world);
  all.set(world, excuses);
  world.listen(excuses.notice);
  return excuses;
}
