import { LeaderElector } from '../../lib/lease/elector.ts';
import { type LeaseLeadership, leadOn } from '../../lib/lease/lead.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import { LeaseProcess, type ElectorSlot } from './lease-process.ts';
import { NoLongerWanted } from './candidate.ts';
import { kubeConfig } from '../world/kube-config.ts';

/** How a slot of lease mode is set up. */
export interface LeaseSlot extends ElectorSlot {
  readonly kind: 'lease';
  /** Which of the two the program calls. */
  readonly calls: 'lead' | 'elector';
  readonly recampaign: boolean;
  /** How long the work goes on by itself; 0: until it is told to end. */
  readonly workMs: number;
  /** How long it goes on after its signal has aborted. */
  readonly slownessMs: number;
  /** Whether a new process goes on under the name of the last one. */
  readonly keepsIdentity: boolean;
  /** Whether it runs in a Pod, and knows in which. */
  readonly inPod?: boolean;
  /** Whether another slot's processes have the same identity. */
  readonly isNamesake?: boolean;
  /** Whether its program asks a second time at once, by mistake, for the same Lease and identity. */
  readonly asksTwice?: boolean;
}

/** One time of leading, as its work knows it. */
export interface Term {
  /** In which call of the process. */
  readonly call: number;
  readonly signal: AbortSignal;
  readonly leadership: LeaseLeadership | undefined;
  readonly sinceMs: number;
  /** By the process's own clock, when the signal's event came. */
  abortedMs: number | undefined;
  /** Likewise, when the work ended. */
  settledMs: number | undefined;
  /** Whether the work has ended. */
  readonly isSettled: boolean;
  /** Whether it was said to have stopped. */
  isStopped: boolean;
  settle: () => void;
}

/** A process that calls `lead`, or runs a `LeaderElector`. */
export class LeaseCandidate extends LeaseProcess {
  declare readonly setting: LeaseSlot;
  readonly kind = 'lease';
  /** All of its terms, in order. */
  readonly terms: Term[] = [];
  readonly #given: Platform;
  #elector: LeaderElector | undefined;
  /** Its program has asked for a handover in this term. */
  #hasStepped: Term | undefined;

  constructor(...given: ConstructorParameters<typeof LeaseProcess>) {
    super(...given);
    const { platform } = this;
    const { clock, environment, elections, unconfirmed, predecessors, warn } = platform;
    const connect = async () => this.sightings.overhear(await platform.connect());
    this.#given = { clock, environment, elections, unconfirmed, predecessors, warn, connect };
  }

  /** Names that are kept begin with one another: who compares too little takes one for the other. */
  override get identity(): string {
    if (this.setting.isNamesake === true) return 'namesake';
    return this.setting.keepsIdentity ? `elector${'-again'.repeat(this.slot)}` : this.name;
  }

  get term(): Term | undefined {
    return this.terms.at(-1);
  }

  get mayLead(): boolean {
    const { term } = this;
    return this.isBusy && term !== undefined && !(term.isSettled && term.abortedMs !== undefined);
  }

  /** Its present call has begun to lead, and its work goes on. */
  get serves(): boolean {
    return this.mayLead && this.term?.call === this.callCount;
  }

  /** Not by its signal: reading that asks the clock, and a look must change nothing. */
  get goesOn(): boolean {
    const { term } = this;
    return this.serves && term?.isSettled === false && term.abortedMs === undefined;
  }

  get fencingToken(): string | undefined {
    return this.leads ? this.term?.leadership?.fencingToken : undefined;
  }

  protected get leads(): boolean {
    const { term } = this;
    if (!term) return false;
    if (term.leadership) return term.leadership.remainingMs() > 0;
    return this.#elector?.isLeader() ?? false;
  }

  protected async run(signal: AbortSignal): Promise<string> {
    const { calls, asksTwice } = this.setting;
    const running = calls === 'lead' ? this.#lead(signal) : this.#runElector(signal);
    if (asksTwice === true) this.#askAgain(signal);
    await running;
    return 'its call has returned';
  }

  /** A second election of the process must not begin. */
  #askAgain(signal: AbortSignal): void {
    const { identity, name, world } = this;
    const options = { kubeConfig, namespace: 'default', identity, signal };
    const violated = (what: string) => {
      if (!this.isAlive) return;
      world.violated('one election of a process', `${name} asked a second time, and ${what}`);
    };
    const work = () => {
      violated('leads twice');
      return 'done';
    };
    leadOn(this.#given, 'lock', work, { ...options, ...this.setting.times }).catch(
      (error: unknown) => {
        const { code } = error as { readonly code?: string };
        if (code === 'ERR_ALREADY_RUNNING') world.figures.add('second elections that are refused');
        else if (!(error instanceof NoLongerWanted)) violated(`got ${String(error)}`);
      },
    );
  }

  /** Its work is done. */
  finish(): void {
    if (!this.isRunning) return;
    this.term?.settle();
    // Nothing but its signal ends a `LeaderElector`.
    if (this.setting.calls === 'elector') this.cancel();
  }

  override stepDown(): void {
    if (!this.isRunning || !this.goesOn) return;
    this.#hasStepped = this.term;
    void (this.term?.leadership ?? this.#elector)?.stepDown();
  }

  #lead(signal: AbortSignal): Promise<unknown> {
    const { times, releaseOnCancel, recampaign } = this.setting;
    const { identity } = this;
    const options = { kubeConfig, namespace: 'default', identity, signal };
    return leadOn(this.#given, 'lock', (leadership) => this.#begin(leadership.signal, leadership), {
      ...options,
      ...times,
      releaseOnCancel,
      recampaign,
      ...this.newOptions(),
    });
  }

  #runElector(signal: AbortSignal): Promise<unknown> {
    const { times, releaseOnCancel } = this.setting;
    const { identity } = this;
    const lock = new LeaseLock({ kubeConfig, namespace: 'default', name: 'lock', identity });
    const callbacks = {
      onStartedLeading: (aborted: AbortSignal) => this.#begin(aborted, undefined),
      onStoppedLeading: () => this.#stopped(),
    };
    const options = { ...times, releaseOnCancel, ...this.newOptions() };
    this.#elector = new LeaderElector({ lock, callbacks, ...options }, this.#given);
    return this.#elector.run(signal);
  }

  #begin(signal: AbortSignal, leadership: LeaseLeadership | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const { clock } = this;
    const cancels: (() => void)[] = [];
    const term: Term = {
      call: this.callCount,
      signal,
      leadership,
      sinceMs: clock.now(),
      abortedMs: undefined,
      settledMs: undefined,
      get isSettled() {
        return term.settledMs !== undefined;
      },
      isStopped: false,
      settle: () => {
        if (term.isSettled) return;
        for (const cancel of cancels.splice(0)) cancel();
        term.settledMs = clock.now();
        resolve(undefined);
      },
    };
    const after = (ms: number, task: () => void) => cancels.push(this.process.after(ms, task));
    const onAbort = () => {
      term.abortedMs = clock.now();
      const { code = '' } = signal.reason as { readonly code?: string };
      if (code === 'ERR_STEPPED_DOWN') {
        this.tell({ type: 'steps down', isCalled: this.#hasStepped === term });
      }
      this.tell({ type: 'ended', why: code === '' ? 'it was told to stop' : code });
      if (term.isSettled) return;
      if (this.setting.slownessMs === 0) term.settle();
      else after(this.setting.slownessMs, term.settle);
    };
    this.terms.push(term);
    const { workMs } = this.setting;
    if (workMs > 0) after(workMs, term.settle);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    this.tell({ type: 'leads', token: leadership?.fencingToken ?? '' });
    return promise;
  }

  /** Once for each start, after its work has settled or was waited for. */
  #stopped(): void {
    const { term, clock, name } = this;
    const violated = (what: string) =>
      this.world.violated('callbacks', `${name} stopped leading ${what}`);
    if (!term || term.isStopped) {
      violated('without having started');
      return;
    }
    term.isStopped = true;
    const waitedMs = clock.now() - (term.abortedMs ?? Number.POSITIVE_INFINITY);
    if (!term.isSettled && waitedMs < this.setting.times.renewDeadlineMs - 2) {
      violated('before its work had settled');
    }
  }
}
