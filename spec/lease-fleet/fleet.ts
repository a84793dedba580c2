import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { type Entry, Feed, type Kind, isAct } from '../lab/journal.ts';
import { LockHistory } from '../lab/lock-history.ts';
import { type CandidateOptions, CandidateProcess, type Where } from '../lab/process.ts';
import { nowMs } from '../lab/say.ts';
import { storyOf } from '../lab/story.ts';
import { type Holding, holdingsOf } from './lease-history.ts';

/**
 * Short, and legal for a fleet with client-go. That one compares times of whole seconds, so it may
 * take the last renewal that it saw for up to a second older than it is: for this library to have
 * stepped down by then, a lease has to outlast the renew deadline by that second.
 */
export const durations = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 };

/** What a candidate of the fleet is started with each time. */
export type Recipe = Pick<CandidateOptions, 'kind' | 'form' | 'wallClock'>;

/** What ends a term. */
export type Blow = 'SIGTERM' | 'SIGKILL' | 'SIGSTOP';

/** A place in the fleet, and whoever is there now. */
interface Berth {
  readonly recipe: Recipe;
  candidate: CandidateProcess;
}

let serial = 0;

/** Candidates of both kinds that compete for one Lease, as processes of this machine. */
export class Fleet {
  readonly journal = new Feed<Entry>(storyOf);
  readonly where: Where;
  readonly #history: LockHistory;
  readonly #core: CoreV1Api;
  readonly #berths: Berth[] = [];
  #candidates = 0;

  private constructor(core: CoreV1Api, where: Where, history: LockHistory) {
    this.#core = core;
    this.where = where;
    this.#history = history;
  }

  /** In a namespace of its own. Resolves once one of them leads. */
  static async start(kubeconfig: string, recipes: readonly Recipe[]): Promise<Fleet> {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(kubeconfig);
    const core = kubeConfig.makeApiClient(CoreV1Api);
    serial += 1;
    const namespace = `fleet-${process.pid}-${serial}-${Math.random().toString(36).slice(2, 8)}`;
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    const where = { kubeconfig, namespace, lock: 'lease' };
    const place = { kubeConfig, resource: 'leases', namespace, name: where.lock } as const;
    const fleet = new Fleet(core, where, await LockHistory.begin(place));
    try {
      for (const recipe of recipes) {
        fleet.#berths.push({ recipe, candidate: await fleet.#launch(recipe) });
      }
      await fleet.leader();
      return fleet;
    } catch (error) {
      await fleet.close();
      await fleet.remove();
      throw error;
    }
  }

  get entries(): readonly Entry[] {
    return this.journal.items;
  }

  get kinds(): ReadonlyMap<string, Kind> {
    return new Map(this.entries.map(({ pod, kind = 'client-go' }) => [pod, kind]));
  }

  /**
   * Stops the leader's process for so long, whatever comes of it. Resolves once somebody acts again.
   */
  async stall(leader: CandidateProcess, forMs: number): Promise<void> {
    leader.signal('SIGSTOP');
    await sleep(forMs);
    leader.signal('SIGCONT');
    await this.leader();
    await this.#replaceGone();
  }

  /** Once it is closed. */
  async history(auditLog: string | undefined): Promise<Holding[]> {
    await this.#history.caughtUp();
    return holdingsOf(this.#history.versions, this.where, auditLog);
  }

  /** Resolves with whoever acts next. */
  async leader(): Promise<CandidateProcess> {
    const { pod } = await this.journal.next('somebody acts', isAct);
    return this.#berthOf(pod).candidate;
  }

  /** Resolves with one of that kind that leads, if need be after a handover. */
  async leaderOf(kind: Kind): Promise<CandidateProcess> {
    for (;;) {
      const leader = await this.leader();
      if (leader.kind === kind) return leader;
      await this.handOver(leader, 'SIGTERM', kind);
    }
  }

  /**
   * Ends a leader's term. Only candidates of the kind `to` are awake to take over, or all of them.
   * Resolves once one of them leads and all are awake again; whoever is gone has been replaced.
   */
  async handOver(leader: CandidateProcess, blow: Blow, to?: Kind): Promise<void> {
    const asleep = this.#berths
      .map(({ candidate }) => candidate)
      .filter((candidate) => candidate !== leader && to !== undefined && candidate.kind !== to);
    for (const candidate of asleep) candidate.signal('SIGSTOP');
    const lostMs = nowMs() + durations.leaseDurationMs;
    if (blow === 'SIGSTOP') leader.signal(blow);
    else await leader.end(blow);
    // One whose lease client-go has just wiped may act for a moment longer: that is no new leader.
    const isNew = ({ event, atMs }: Entry) =>
      blow !== 'SIGSTOP' || event === 'leading' || atMs >= lostMs;
    await this.journal.next(
      `another than ${leader.name} leads`,
      (entry) => isAct(entry) && entry.pod !== leader.name && isNew(entry),
    );
    for (const candidate of asleep) candidate.signal('SIGCONT');
    if (blow === 'SIGSTOP') await this.#wake(leader);
    await this.#replaceGone();
  }

  /** Ends all of them, whatever state they are in. */
  async close(): Promise<void> {
    await Promise.all(this.#berths.map(({ candidate }) => candidate.end('SIGKILL')));
  }

  /** Once nothing is asked any more. */
  async remove(): Promise<void> {
    await this.#history.close();
    await this.#core.deleteNamespace({ name: this.where.namespace });
  }

  /** It learns that it leads no more. After that client-go's program ends, as Go programs do. */
  async #wake(candidate: CandidateProcess): Promise<void> {
    const { mark } = this.journal;
    candidate.signal('SIGCONT');
    await candidate.said('lost', mark);
    if (candidate.kind === 'client-go') await candidate.said('gone', mark);
  }

  async #replaceGone(): Promise<void> {
    for (const berth of this.#berths) {
      if (berth.candidate.isGone) berth.candidate = await this.#launch(berth.recipe);
    }
  }

  /** A new process is a new identity. */
  #launch(recipe: Recipe): Promise<CandidateProcess> {
    this.#candidates += 1;
    const { where, journal } = this;
    const name = `${recipe.kind}-${this.#candidates}`;
    const options = { ...durations, releaseOnCancel: true };
    return CandidateProcess.start({ ...recipe, name, where, options, heartbeatMs: 5 }, journal);
  }

  #berthOf(name: string): Berth {
    const berth = this.#berths.find(({ candidate }) => candidate.name === name);
    if (berth) return berth;
    throw new Error(`${name} acts, and is not of this fleet any more\n${storyOf(this.entries)}`);
  }
}
