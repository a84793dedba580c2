import { createCluster, type Cluster, SimulatedClock } from '../../lib/testing/index.ts';
import type { Fault, RequestRecord } from '../../lib/testing/index.ts';
import type { Action, PodAction, Rules, Setting, WorldAction } from './schedule.ts';
import { POD_ACTIONS, WORLD_ACTIONS } from './schedule.ts';
import { Ledger } from './ledger.ts';
import { LOCK } from './program.ts';
import { Replica } from './replica.ts';

const NODES = ['node-1', 'node-2', 'node-3'];
/** After this long without word of a node, Kubernetes takes it for not ready. */
const NODE_GRACE_MS = 40_000;
/** After this long on a node that is not ready, Kubernetes deletes a Pod. */
const TOLERATION_MS = 300_000;
/** How long a Deployment takes to replace a Pod. */
const REPLACE_MS = 500;
const GRACE_SECONDS = 30;
/** More than lease mode tolerates between two clocks would break its promise. */
const FAST = 1.2;
const SLOW = 0.8;
const LEASE_PATH = `/apis/coordination.k8s.io/v1/namespaces/default/leases/${LOCK}`;

/** A small world: a cluster, a Deployment, and what goes wrong. The same schedule gives the same run. */
export class World {
  readonly rules: Rules;
  readonly ledger: Ledger;
  readonly clock: SimulatedClock;
  readonly replicas: Replica[] = [];
  /** What was done to it, in words. */
  readonly happenings: { readonly atMs: number; readonly text: string }[] = [];
  readonly #setting: Setting;
  readonly #cluster: Cluster;
  readonly #lostNodes = new Map<string, () => void>();
  #outage: Fault | undefined;
  #isGcOff = false;
  #created = 0;
  #replacing = 0;
  #surge = 0;
  readonly #toReplace: Replica[] = [];

  private constructor(setting: Setting, rules: Rules, clock: SimulatedClock, cluster: Cluster) {
    this.#setting = setting;
    this.rules = rules;
    this.clock = clock;
    this.#cluster = cluster;
    this.ledger = new Ledger(this);
    cluster.onChange(({ before, after }) => {
      if (before?.kind === 'Pod' && !after) this.#find(before.metadata.name)?.gone();
    });
    for (let i = 0; i < setting.pods; i += 1) this.#add();
  }

  static async create(setting: Setting, rules: Rules): Promise<World> {
    const clock = new SimulatedClock({ seed: setting.seed });
    const cluster = await createCluster({ http: false, clock, nodeCount: NODES.length });
    const world = new World(setting, rules, clock, cluster);
    await clock.settle();
    world.#observe();
    return world;
  }

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.clock.now();
  }

  get isGcOff(): boolean {
    return this.#isGcOff;
  }

  get isApiDown(): boolean {
    return this.#outage !== undefined;
  }

  get hasLostNode(): boolean {
    return this.#lostNodes.size > 0;
  }

  isLost(node: string): boolean {
    return this.#lostNodes.has(node);
  }

  /** The lock as it is stored. */
  get lock(): object | undefined {
    return this.#isLease ? this.#cluster.getLease(LOCK) : this.#cluster.getConfigMap(LOCK);
  }

  /** The requests that reached the API server, the latest first. */
  requests(count: number): RequestRecord[] {
    return [...this.#cluster.requests].slice(-count).reverse();
  }

  get requestCount(): number {
    return this.#cluster.requests.length;
  }

  /** Who leads; of several, the first. */
  get leader(): Replica | undefined {
    return this.replicas.find(({ isLeading }) => isLeading);
  }

  /** Lets time pass until then. */
  async advanceTo(untilMs: number): Promise<void> {
    if (untilMs > this.nowMs) {
      this.clock.after(untilMs - this.nowMs, () => undefined);
      await this.clock.runUntil(() => {
        this.#observe();
        return this.nowMs >= untilMs;
      }, Number.MAX_SAFE_INTEGER);
    }
    await this.clock.advance(0);
    this.#observe();
  }

  async apply(action: Action): Promise<void> {
    const atMs = this.nowMs;
    if (action.pod === undefined) {
      this.happenings.push({ atMs, text: WORLD_ACTIONS[action.what] });
      this.#toWorld(action.what, action.forMs);
    } else {
      const target = action.pod === 'leader' ? this.leader : this.#find(action.pod);
      if (target?.exists) {
        this.happenings.push({ atMs, text: `${POD_ACTIONS[action.what]}: ${target.name}` });
        this.#toReplica(action.what, target, action.forMs);
      }
    }
    await this.advanceTo(this.nowMs);
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }

  get #isLease(): boolean {
    return this.rules === 'lead' || this.rules === 'client-go';
  }

  #toReplica(what: PodAction, replica: Replica, forMs?: number): void {
    const { node } = replica;
    const effects: Readonly<Record<PodAction, () => void>> = {
      release: () => replica.release(),
      crash: () => replica.crash(),
      kill: () => replica.kill(),
      delete: () => replica.delete(GRACE_SECONDS, 'background'),
      'delete-foreground': () => replica.delete(GRACE_SECONDS, 'foreground'),
      evict: () => replica.evict(),
      stop: () => this.#switch(replica.isStopped, (isOn) => replica.stop(isOn), forMs),
      cut: () => this.#switch(replica.isCutOff, (isOn) => replica.cut(isOn), forMs),
      slow: () => this.#switch(replica.isSlow, (isOn) => replica.slow(isOn), forMs),
      'fast-clock': () =>
        this.#switch(replica.rate > 1, (isOn) => replica.setRate(isOn ? FAST : 1), forMs),
      'slow-clock': () =>
        this.#switch(replica.rate < 1, (isOn) => replica.setRate(isOn ? SLOW : 1), forMs),
      node: () =>
        this.#switch(
          this.isLost(node),
          (isOn) => (isOn ? this.#loseNode(node) : this.#healNode(node)),
          forMs,
        ),
    };
    effects[what]();
  }

  #toWorld(what: WorldAction, forMs?: number): void {
    const effects: Readonly<Record<WorldAction, () => void>> = {
      gc: () => this.#switch(this.#isGcOff, (isOn) => this.#setGcOff(isOn), forMs),
      api: () => this.#switch(this.isApiDown, (isOn) => this.#setApiDown(isOn), forMs),
      heal: () => {
        for (const name of [...this.#lostNodes.keys()]) this.#healNode(name);
      },
      lock: () => this.#deleteLock(),
      roll: () => {
        this.#toReplace.push(...this.#current());
        this.#roll();
      },
    };
    effects[what]();
  }

  /** Flips it, or puts it on for a while. */
  #switch(isOn: boolean, set: (isOn: boolean) => void, forMs?: number): void {
    set(forMs !== undefined || !isOn);
    if (forMs !== undefined) this.clock.after(forMs, () => set(false));
  }

  #setGcOff(isOff: boolean): void {
    this.#isGcOff = isOff;
    if (isOff) this.#cluster.garbageCollector.stop();
    else this.#cluster.garbageCollector.start();
  }

  #setApiDown(isDown: boolean): void {
    this.#outage?.remove();
    this.#outage = isDown ? this.#cluster.faults.add({ reset: true }) : undefined;
    if (isDown) this.#cluster.cutConnections();
  }

  #deleteLock(): void {
    if (!this.lock) return;
    this.ledger.excuse('someone deleted the lock');
    if (this.#isLease) this.#cluster.request('DELETE', LEASE_PATH);
    else this.#cluster.deleteConfigMap(LOCK);
  }

  /** Its Pods go on, but nothing reaches them, and nothing comes from them. */
  #loseNode(name: string): void {
    if (this.isLost(name)) return;
    const here = () => this.replicas.filter(({ node, exists }) => node === name && exists);
    for (const replica of here()) replica.cut(true);
    const cancels = [
      this.clock.after(NODE_GRACE_MS, () => this.#cluster.setNodeReady(name, false)),
      this.clock.after(NODE_GRACE_MS + TOLERATION_MS, () => {
        for (const replica of here()) replica.delete(GRACE_SECONDS, 'background');
      }),
    ];
    this.#lostNodes.set(name, () => {
      this.#lostNodes.delete(name);
      for (const cancel of cancels) cancel();
      for (const replica of here()) replica.cut(false);
      this.#cluster.setNodeReady(name, true);
      for (const replica of here()) replica.hearOfDeletion();
    });
  }

  #healNode(name: string): void {
    this.#lostNodes.get(name)?.();
  }

  /** As a Deployment: a new Pod first, then an old one goes. */
  #roll(): void {
    const old = this.#toReplace.shift();
    if (!old) return;
    if (!old.isCurrent) {
      this.#roll();
      return;
    }
    this.#surge += 1;
    this.#add();
    this.clock.after(1_500, () => {
      this.#surge -= 1;
      if (old.isCurrent) old.delete(GRACE_SECONDS, 'background');
      this.#roll();
    });
  }

  #add(): Replica {
    this.#created += 1;
    const name = `pod-${this.#created}`;
    const nodes = NODES.filter((node) => !this.isLost(node));
    const nodeName = nodes[this.#created % nodes.length] ?? NODES[0] ?? '';
    const pod = this.#cluster.createPod(name, { nodeName });
    const isHeard = () => !this.isLost(nodeName);
    const parts = { cluster: this.#cluster, clock: this.clock, rules: this.rules, isHeard };
    const replica = new Replica(parts, name, nodeName, pod);
    if (!isHeard()) replica.cut(true);
    this.replicas.push(replica);
    return replica;
  }

  #current(): Replica[] {
    return this.replicas.filter(({ isCurrent }) => isCurrent);
  }

  #find(name: string): Replica | undefined {
    return this.replicas.find((replica) => replica.name === name);
  }

  #observe(): void {
    const missing = this.#setting.pods + this.#surge - this.#current().length - this.#replacing;
    for (let i = 0; i < missing; i += 1) {
      this.#replacing += 1;
      this.clock.after(REPLACE_MS, () => {
        this.#replacing -= 1;
        this.#add();
      });
    }
    this.ledger.observe();
  }
}
