import type { Instant } from '../../lib/protocol/validity.ts';
import type { Fact, Sent } from './fact.ts';
import { LeaseProcess } from './lease-process.ts';
import { recordOf } from './lease-record.ts';
import { isWrite } from './sightings.ts';

/** Two steps of a boot clock of whole seconds, and two of an earlier sleep that it notices late. */
const ROUGH_MS = 4_000;

/** When each process sent the last write that made, or left, it the holder; by its own clock. */
export class Proofs {
  readonly #sent = new Map<Sent, Instant>();
  /** When each one first sent what it has sent last: a write that says the same changes nothing. */
  readonly #said = new Map<
    LeaseProcess,
    { readonly renewTime: string; readonly instant: Instant }
  >();
  readonly #proven = new Map<LeaseProcess, Instant>();

  /** How long ago that was; infinitely long if there was none. */
  ageMs(who: LeaseProcess): number {
    return who.clock.now() - (this.#proven.get(who)?.nowMs ?? Number.NEGATIVE_INFINITY);
  }

  /** Likewise, with the time for which its machine slept. */
  wholeAgeMs(who: LeaseProcess): number {
    return who.clock.sinceBoot() - (this.#proven.get(who)?.bootMs ?? Number.NEGATIVE_INFINITY);
  }

  /** The most that it may take that age for: a coarse boot clock overestimates how long it slept. */
  mostAgeMs(who: LeaseProcess): number {
    const isRough = who.setting.clock.isCoarse === true && who.clock.hasSlept;
    return this.wholeAgeMs(who) + (isRough ? ROUGH_MS : 0);
  }

  readonly notice = (fact: Fact): void => {
    if (fact.type !== 'sent' && fact.type !== 'answered') return;
    const { who, sent } = fact;
    if (sent.resource !== 'leases' || !(who instanceof LeaseProcess)) return;
    if (fact.type === 'sent') {
      const { holderIdentity, renewTime = '' } = recordOf(sent.request.body);
      if (!isWrite(sent) || holderIdentity !== who.identity) return;
      this.#sent.set(sent, this.#firstSent(who, renewTime));
      return;
    }
    const instant = this.#sent.get(sent);
    this.#sent.delete(sent);
    if (!instant || fact.status >= 300) return;
    const before = this.#proven.get(who);
    if (!before || before.nowMs < instant.nowMs) this.#proven.set(who, instant);
  };

  /** A second try of client-go's says what the first has said, which may have been stored. */
  #firstSent(who: LeaseProcess, renewTime: string): Instant {
    const said = who.kind === 'client-go' ? this.#said.get(who) : undefined;
    if (said?.renewTime === renewTime) return said.instant;
    const instant = { nowMs: who.clock.now(), bootMs: who.clock.sinceBoot() };
    this.#said.set(who, { renewTime, instant });
    return instant;
  }
}
