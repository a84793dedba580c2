import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/state.ts';
import { type Term, historyOf, termsOf } from '../lab/history.ts';
import { type Entry, FolderJournal, PATIENCE_MS } from '../lab/journal.ts';
import { nowMs } from '../lab/say.ts';
import { storyOf } from '../lab/story.ts';
import { violations } from '../lab/verdict.ts';
import { Arena, type Rights } from './arena.ts';
import { creationsOf, requestsOf, unfounded, usurpations } from './checker.ts';
import type { CandidateOptions } from './manifest.ts';

const POLL_MS = 50;
const CONFLICT = 409;

/** An arena, and what the candidates in it say. */
export class Scene extends Arena {
  readonly journal = new FolderJournal(this.where.folder);
  readonly #ends: (() => Promise<void>)[] = [];

  static async open(cluster: Cluster, image: string, rights: Rights = {}): Promise<Scene> {
    const scene = new Scene(cluster, image);
    await scene.prepare(rights);
    // Every Pod mounts it; a kubelet that misses it tries again later and later.
    await scene.until('the ConfigMap that every namespace has is there', async () => {
      const { items } = await scene.core.listNamespacedConfigMap({ namespace: scene.namespace });
      return items.some(({ metadata }) => metadata?.name === 'kube-root-ca.crt');
    });
    return scene;
  }

  /** Has the process in a container of that Pod do something to itself. */
  async command(
    pod: string,
    command: 'begin' | 'sicken' | 'recover' | 'exit' | 'crash' | 'abort' | 'exhaust' | 'fill',
    container = 'main',
  ): Promise<void> {
    await writeFile(join(this.where.folder, 'commands', `${pod}.${container}`), command);
  }

  get entries(): readonly Entry[] {
    return this.journal.read();
  }

  get terms(): readonly Term[] {
    return termsOf(this.entries);
  }

  /** What one Pod said, without its heartbeats. */
  saidBy(pod: string): readonly Entry[] {
    return this.entries.filter((entry) => entry.pod === pod && entry.event !== 'heartbeat');
  }

  /** Resolves with what `probe` finds, once it does; what it throws means: not yet. */
  async until<T>(
    what: string,
    probe: () => T | Promise<T>,
  ): Promise<Exclude<T, undefined | false>> {
    const deadline = performance.now() + PATIENCE_MS;
    let trouble: unknown;
    while (performance.now() < deadline) {
      try {
        const found = await probe();
        if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
        trouble = undefined;
      } catch (error) {
        trouble = error;
      }
      await sleep(POLL_MS);
    }
    throw new Error(`this did not happen: ${what}\n${storyOf(this.entries)}`, { cause: trouble });
  }

  /** Resolves with whoever holds the lock and says, from now on, that it leads. */
  leader(expected: (term: Term) => boolean = () => true): Promise<Term> {
    const sinceMs = nowMs();
    return this.until('somebody leads', async () => {
      const { terms } = this;
      const term = terms.findLast(({ isOpen, toMs }) => isOpen && toMs > sinceMs);
      if (!term || !expected(term)) return undefined;
      const owner = (await this.lock())?.metadata?.ownerReferences?.[0]?.uid;
      return owner === term.uid ? term : undefined;
    });
  }

  /** As `leader`, but another Pod than before. */
  successor(of: Term): Promise<Term> {
    return this.leader(({ uid }) => uid !== of.uid);
  }

  /** Pod `a` leads, and Pod `b` waits. */
  async leaderAndFollower(
    leaderOptions: CandidateOptions = {},
    followerOptions: CandidateOptions = {},
  ): Promise<Term> {
    await this.pod('a', leaderOptions);
    const leader = await this.leader();
    await this.pod('b', followerOptions);
    await this.followers(1, leader);
    return leader;
  }

  /** Resolves once Pod `b` has followed this leader, with its term. */
  async followedByB(leader: Term): Promise<Term> {
    const next = await this.successor(leader);
    if (next.pod !== 'b') throw new Error(`${next.pod} followed ${leader.pod}`);
    return next;
  }

  /** Resolves when so many Pods that live wait for this leader. */
  async followers(count: number, leader: Term): Promise<void> {
    await this.until(`${count} wait for ${leader.pod}`, () => {
      const runs = Map.groupBy(this.entries, ({ run }) => run);
      const waiting = [...runs.values()].filter((own) => {
        const last = own.findLast(({ event }) => event !== 'warning');
        return last?.event === 'waiting' && last.holderPod === leader.pod;
      });
      return waiting.length >= count;
    });
  }

  /** Resolves once that Pod said that. */
  said(pod: string, event: Entry['event'], more: Partial<Entry> = {}): Promise<Entry> {
    return this.until(`${pod} says ${event} ${JSON.stringify(more)}`, () =>
      this.saidBy(pod).findLast((entry) =>
        Object.entries({ event, ...more }).every(
          ([key, value]) => entry[key as keyof Entry] === value,
        ),
      ),
    );
  }

  /** Resolves once the API server told that Pod that somebody else has the lock. */
  async rejected(pod: string): Promise<void> {
    const { uid } = (await this.findPod(pod))?.metadata ?? {};
    await this.until(`${pod} asks for the lock in vain`, () =>
      this.#requests().some(
        ({ verb, name, status, podUid }) =>
          verb === 'create' &&
          name === this.where.lockName &&
          status === CONFLICT &&
          podUid === uid,
      ),
    );
  }

  /** Resolves when the Pod's object is gone, or is another's. */
  async gone({ pod, uid }: Pick<Term, 'pod' | 'uid'>): Promise<void> {
    await this.until(`${pod} is gone`, async () => {
      return (await this.findPod(pod))?.metadata?.uid !== uid;
    });
  }

  /** What speaks against the promise, from the Pods' words and the API server's. */
  violations(isComplete = true): string[] {
    const creations = creationsOf(this.#requests(), this.where.lockName);
    const history = historyOf(this.entries);
    return [
      ...violations(history),
      ...usurpations(history.terms, creations),
      // A server that is killed while it answers does not write that down.
      ...(isComplete ? unfounded(history.terms, creations) : []),
    ];
  }

  #requests() {
    return requestsOf(this.cluster.auditLog, this.namespace);
  }

  /** Another scene on the same cluster, which closes with this one; whoever made it checks it. */
  async another(options: Rights = {}): Promise<Scene> {
    const scene = await Scene.open(this.cluster, this.where.image, options);
    this.onClose(() => scene.close());
    return scene;
  }

  /** Has something done before the namespace is removed. */
  onClose(end: () => Promise<void>): void {
    this.#ends.push(end);
  }
  override async close(): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
    await super.close();
  }
}
