import { setTimeout as sleep } from 'node:timers/promises';
import { get } from '../cluster/api.ts';
import type { Cluster } from '../cluster/state.ts';
import { unanswered } from './recovery.ts';
import type { Chronicle, End } from './trouble.ts';

const EVERY_MS = 250;
const SLOW_MS = 1_000;
const OK = 200;

/**
 * Asks the API server all the time, as its administrator and beside all that befalls candidates: a
 * server that is slow though nobody made it so is the machine's fault, and known.
 */
export class Probe {
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(cluster: Cluster, chronicle: Chronicle, nowMs: () => number) {
    this.#ended = this.#ask(cluster, chronicle, nowMs);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #ask(cluster: Cluster, chronicle: Chronicle, nowMs: () => number): Promise<void> {
    const trouble = { kind: 'slow API server', target: 'kube-apiserver', isMeant: false };
    let end: End | undefined;
    while (!this.#stop.signal.aborted) {
      const sentMs = nowMs();
      // It reads from etcd.
      const { status } = await get(cluster, '/api/v1/namespaces/default');
      if (status !== OK || nowMs() - sentMs > SLOW_MS) {
        end ??= chronicle.begin({ ...trouble, effects: unanswered }, sentMs);
      } else {
        end?.();
        end = undefined;
      }
      await sleep(EVERY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
    end?.();
  }
}
