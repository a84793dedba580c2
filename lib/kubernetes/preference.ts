import { abortable } from '../platform/abort.ts';
import type { Clock } from '../platform/clock.ts';
import { withDeadline } from '../platform/deadline.ts';
import { messageOf } from '../platform/printable.ts';
import type { CandidatePod, PodOptions } from '../pod-options.ts';
import type { Api } from './api.ts';
import { replicaSelector } from './crowd.ts';
import { type Json, child, isGiven, text } from './json.ts';
import { nodeLabels } from './node.ts';
import { ApiError } from './outcome.ts';
import { listPods, listWholePods } from './pod-list.ts';
import { getPod } from './pod.ts';
import { type Refused, remedyOf } from './remedy.ts';

/** How long a candidate that is not preferred leaves a free lock to one that is. */
export const YIELD_MS = 2_000;

/** Within that time. An answer that takes longer does not matter. */
const ASKING_MS = 1_000;

/** Nodes rarely change their labels. */
const NODE_VALID_MS = 5 * 60_000;

/** Number of candidates to compare at most; each takes a few kilobytes. */
const MOST = '200';

export interface PreferenceParts {
  readonly api: Api;
  readonly clock: Clock;
  readonly namespace: string;
  readonly podName: string;
  readonly preference: NonNullable<PodOptions['preference']>;
  /** The preference has no effect, or a function of the user threw or took too long. */
  readonly onFailed: (error: unknown) => void;
}

/** The labels of a node, and until when they count. */
interface KnownNode {
  readonly labels: Promise<Readonly<Record<string, unknown>>>;
  readonly untilMs: number;
}

/**
 * Which candidates should lead, by what the API server says at the moment when the lock is free.
 * This only delays candidates, and never decides who leads.
 */
export class Preference {
  readonly #parts: PreferenceParts;
  readonly #nodes = new Map<string, KnownNode>();
  /** Selects the candidates; empty if no label tells which Pods they are. */
  #selector: string | undefined;
  #isRefused = false;

  constructor(parts: PreferenceParts) {
    this.#parts = parts;
  }

  /**
   * For how long to leave the free lock to preferred candidates, in milliseconds: 0 if this one is
   * preferred, if no candidate is, or if that cannot be found out soon.
   */
  async yieldMs(signal: AbortSignal): Promise<number> {
    if (this.#isRefused) return 0;
    const { api, clock, preference, onFailed } = this.#parts;
    const startedMs = clock.now();
    let pods: readonly CandidatePod[] | undefined;
    const limit = withDeadline(clock, signal, ASKING_MS, (limitMs) => {
      return new Error(`it took longer than ${limitMs} ms, with the time for reading the Pods`);
    });
    try {
      pods = await abortable(this.#candidates(limit.signal), limit.signal);
      const isPreferred = await abortable(this.#isPreferred(pods, limit.signal), limit.signal);
      return isPreferred ? 0 : Math.max(YIELD_MS - (clock.now() - startedMs), 0);
    } catch (error) {
      signal.throwIfAborted();
      const isAsking = pods !== undefined && typeof preference === 'function';
      if ((limit.signal.aborted && !isAsking) || api.isTransient(error)) return 0;
      this.#isRefused = error instanceof ApiError;
      onFailed(error);
      return 0;
    } finally {
      limit.end();
    }
  }

  async #isPreferred(pods: readonly CandidatePod[], signal: AbortSignal): Promise<boolean> {
    const { podName } = this.#parts;
    const scores = await this.#scores(pods, signal);
    const best = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
    // A Pod that is being deleted is not among the candidates.
    const own = scores[pods.findIndex(({ name }) => name === podName)];
    return pods.length === 0 || (own !== undefined && own >= best);
  }

  /** The Pods that run or will run, without those that are being deleted. */
  async #candidates(signal: AbortSignal): Promise<readonly CandidatePod[]> {
    const { api, namespace, preference } = this.#parts;
    this.#selector ??= await this.#ownSelector(signal);
    if (this.#selector === '') return [];
    const query = {
      labelSelector: this.#selector,
      fieldSelector: 'status.phase!=Failed,status.phase!=Succeeded',
      limit: MOST,
    };
    const read = preference === 'newest' ? listPods : listWholePods;
    const { items } = await read(api, namespace, query, signal);
    return items
      .filter((item) => !isGiven(child(item, 'metadata'), 'deletionTimestamp'))
      .map(candidateOf);
  }

  async #ownSelector(signal: AbortSignal): Promise<string> {
    const { api, namespace, podName } = this.#parts;
    const read = (pod: Json) => ({ selector: replicaSelector(pod) });
    const found = await getPod(api, namespace, podName, signal, read);
    return found === 'absent' ? '' : found.selector;
  }

  #scores(pods: readonly CandidatePod[], signal: AbortSignal): Promise<readonly number[]> {
    const { preference } = this.#parts;
    if (preference === 'newest') return Promise.resolve(newestRevision(pods));
    if (typeof preference === 'function') return Promise.all(pods.map(scoredBy(preference)));
    const wanted = Object.entries(preference.nodeLabel);
    return Promise.all(
      pods.map(async ({ labels, nodeName }) => {
        // Since Kubernetes 1.35, Pods have the zone and the region of their nodes as labels.
        const has = (found: Readonly<Record<string, unknown>>) =>
          wanted.every(([key, value]) => (found[key] ?? labels[key]) === value);
        if (has({})) return 1;
        return nodeName !== undefined && has(await this.#labelsOf(nodeName, signal)) ? 1 : 0;
      }),
    );
  }

  #labelsOf(nodeName: string, signal: AbortSignal): KnownNode['labels'] {
    const { api, clock } = this.#parts;
    const known = this.#nodes.get(nodeName);
    if (known && clock.now() < known.untilMs) return known.labels;
    const labels = nodeLabels(api, nodeName, signal);
    this.#nodes.set(nodeName, { labels, untilMs: clock.now() + NODE_VALID_MS });
    labels.catch(() => this.#nodes.delete(nodeName));
    return labels;
  }
}

/** Why `preference` has no effect, and what to do, for people. */
export function explainPreference(error: unknown, refused: Refused): string {
  const why = error instanceof ApiError ? ` ${remedyOf(error, refused).advice}` : '';
  const said =
    error instanceof ApiError ? error.message : `options.preference failed: ${messageOf(error)}`;
  return (
    `${said}. The election of ${refused.object} continues, but options.preference has no effect.` +
    why
  );
}

/**
 * The score of each Pod: when the youngest Pod of its revision was created. The youngest Pod is of
 * the revision that is being rolled out, which may be an old one again.
 */
function newestRevision(pods: readonly CandidatePod[]): readonly number[] {
  const newest = new Map<string, number>();
  for (const pod of pods) {
    const created = pod.createdAt?.getTime() ?? 0;
    newest.set(revisionOf(pod), Math.max(newest.get(revisionOf(pod)) ?? 0, created));
  }
  return pods.map((pod) => newest.get(revisionOf(pod)) ?? 0);
}

/** Of a Deployment's ReplicaSet, or of a StatefulSet. */
function revisionOf({ labels }: CandidatePod): string {
  return labels['pod-template-hash'] ?? labels['controller-revision-hash'] ?? '';
}

function scoredBy(score: (pod: CandidatePod) => number | Promise<number>) {
  return async (pod: CandidatePod): Promise<number> => {
    const found: unknown = await score(pod);
    if (typeof found === 'number' && !Number.isNaN(found)) return found;
    throw new TypeError(`it must return a number, but returned ${String(found)}`);
  };
}

function candidateOf(item: unknown): CandidatePod {
  const metadata = child(item, 'metadata');
  const created = new Date(text(metadata, 'creationTimestamp') ?? '');
  return {
    name: text(metadata, 'name') ?? '',
    uid: text(metadata, 'uid') ?? '',
    labels: textsOf(child(metadata, 'labels')),
    annotations: textsOf(child(metadata, 'annotations')),
    createdAt: Number.isNaN(created.getTime()) ? undefined : created,
    nodeName: text(child(item, 'spec'), 'nodeName'),
  };
}

function textsOf(object: Json): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(object).map((key) => [key, text(object, key) ?? '']));
}
