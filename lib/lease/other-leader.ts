import type { Clock } from '../platform/clock.ts';
import { type State, holderOf } from '../protocol/lease/state.ts';

/** When another elector was last known to lead: its last write that was seen, or its release. */
export class OtherLeader {
  readonly #clock: Clock;
  #key = '';
  #led = false;
  #knownMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since then; undefined if no other elector was seen to lead since the last call. */
  takeover(): number | undefined {
    const knownMs = this.#knownMs;
    this.#knownMs = undefined;
    this.#led = false;
    return knownMs === undefined ? undefined : this.#clock.now() - knownMs;
  }

  onState(state: State): void {
    if (state.phase !== 'following') return;
    const { version, gone, settings } = state;
    const key = version ? `${version.uid} ${version.resourceVersion} ${gone}` : '';
    if (key === this.#key) return;
    this.#key = key;
    const holder = holderOf(state);
    const leads = holder !== '' && holder !== settings.identity;
    if (leads || this.#led) this.#knownMs = this.#clock.now();
    this.#led = leads;
  }
}
