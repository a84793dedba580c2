import { neverAborts } from '../platform/abort.ts';
import { messageOf } from '../platform/printable.ts';
import { type PodOptions, labelOf } from '../pod-options.ts';
import type { Api } from './api.ts';
import { type Json, child, text } from './json.ts';
import { ApiError, NoAnswerError, isAbsent, isConflict } from './outcome.ts';
import { listPods } from './pod-list.ts';
import { getPod, podsPath } from './pod.ts';
import { type Refused, remedyOf } from './remedy.ts';
import type { PodRights } from './role.ts';
import { mergePatch } from './transport.ts';

/** A ReplicaSet that shrinks deletes Pods with a lower cost first. */
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/** Annotations of Pods with this prefix say for which lock a label was set: `key=value TOKEN`. */
const NOTE_PREFIX = 'leader-for-life/label-of-';

const MAX_NAME_LENGTH = 63;

/** Less than a Pod's grace period leaves for it. */
const CLEARING = { maxBackoffMs: 1_000, withinMs: 3_000 };

export interface PodMarkOptions extends Pick<PodOptions, 'label' | 'deletionCost'> {
  readonly api: Api;
  readonly namespace: string;
  /** The own Pod. Without its UID, it is read. */
  readonly pod: { readonly name: string; readonly uid: string | undefined };
  readonly lock: { readonly mode: 'life' | 'lease'; readonly name: string };
  readonly maxBackoffMs: number;
  /** The marks of the leaders of this process in this Pod. */
  readonly leaders: Set<PodMark>;
  /** The mark was not set or not removed, and that is not tried again. */
  readonly onFailed: (error: unknown) => void;
}

/** What identifies a version of a Pod. */
interface Target {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string | undefined;
}

/**
 * The mark of a leader's Pod: a label, by which a Service finds it, and a deletion cost. Requests
 * that were sent are awaited to the end, so a late one cannot undo a later one. Nothing rejects.
 */
export class PodMark {
  readonly #options: PodMarkOptions;
  #uid: string | undefined;
  /** What was begun, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #stop = new AbortController();
  readonly #closed = new AbortController();
  /** Whether the own Pod may be marked, at first by an earlier process of this Pod. */
  #mayBeSet = true;

  constructor(options: PodMarkOptions) {
    this.#options = options;
    this.#uid = options.pod.uid;
  }

  /** Resolves once nothing is under way. */
  get settled(): Promise<void> {
    return this.#work;
  }

  /**
   * Begins to mark the own Pod, after the marks of earlier leaders are gone; retries until `clear`
   * is called or leadership ends.
   */
  set(fencingToken: string, leads: AbortSignal = neverAborts()): void {
    const { api, pod, maxBackoffMs, leaders } = this.#options;
    const stop = new AbortController();
    this.#stop = stop;
    // A leader that has stood still must ask whether it still leads before each request.
    const check = () => {
      stop.signal.throwIfAborted();
      leads.throwIfAborted();
    };
    const mark = async () => {
      check();
      const uid = await this.#ownUid();
      await this.#unmarkOthers(uid, check);
      check();
      this.#mayBeSet = true;
      leaders.add(this);
      await this.#patch({ name: pod.name, uid }, this.#marks(fencingToken));
    };
    void this.#begin(async () => {
      await api.retry(mark, { signal: stop.signal, maxBackoffMs }).catch((error: unknown) => {
        if (!stop.signal.aborted && !leads.aborted) this.#options.onFailed(error);
      });
    });
  }

  /** Removes the mark, if it may be set. Resolves soon, even if that fails. */
  clear(): Promise<void> {
    this.#stop.abort();
    return this.#begin(async () => {
      this.#options.leaders.delete(this);
      if (!this.#mayBeSet) return;
      const { api, pod, onFailed } = this.#options;
      try {
        const own = { name: pod.name, uid: await this.#ownUid() };
        const limits = { ...CLEARING, signal: this.#closed.signal };
        await api.retry(() => this.#patch(own, this.#noOwnMarks()), limits);
        this.#mayBeSet = false;
      } catch (error) {
        // A Pod that is gone has no label. If the API server is down, the next leader removes it.
        const isOver = this.#closed.signal.aborted || isAbsent(error) || api.isTransient(error);
        if (!isOver) onFailed(error);
      }
    });
  }

  /** Sends nothing more. */
  close(): void {
    this.#options.leaders.delete(this);
    this.#stop.abort();
    this.#closed.abort();
  }

  #begin(task: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(task);
    return this.#work;
  }

  async #ownUid(): Promise<string> {
    if (this.#uid !== undefined) return this.#uid;
    const { api, namespace, pod } = this.#options;
    const found = await getPod(api, namespace, pod.name);
    if (found === 'absent') throw new Error(`there is no Pod ${namespace}/${pod.name}`);
    this.#uid = found.uid;
    return found.uid;
  }

  /** Two Pods with the label would make a Service send requests to one that does not lead. */
  async #unmarkOthers(ownUid: string, check: () => void): Promise<void> {
    const { api, namespace, label } = this.#options;
    if (label === undefined) return;
    const { key, value } = labelOf(label);
    const { items } = await listPods(api, namespace, { labelSelector: `${key}=${value}` });
    const marked = items.filter((item) => this.#isOurs(item)).map(targetOf);
    for (const other of marked.filter(({ uid }) => uid !== ownUid)) {
      check();
      await this.#patch(other, this.#noMarks(label, null)).catch((error: unknown) => {
        // It has changed or been replaced since: list again.
        if (isConflict(error)) throw new NoAnswerError(`PATCH pod ${other.name}`, error);
        if (!isAbsent(error)) throw error;
      });
    }
  }

  /** Labels that others have set, and those of other locks, are left alone. */
  #isOurs(item: unknown): boolean {
    return text(child(child(item, 'metadata'), 'annotations'), this.#note) !== undefined;
  }

  get #note(): string {
    const { mode, name } = this.#options.lock;
    const prefix = 'label-of-';
    const fits = `${mode}-${name}`.slice(0, MAX_NAME_LENGTH - prefix.length);
    return NOTE_PREFIX + fits.replace(/[^a-z0-9]+$/, '');
  }

  /** The token makes every mark a change, which shows in the Pod's resourceVersion. */
  #marks(fencingToken: string) {
    const { label, deletionCost } = this.#options;
    const { key, value } = labelOf(label ?? '');
    return {
      ...(label !== undefined && { labels: { [key]: value } }),
      annotations: {
        ...(label !== undefined && { [this.#note]: `${key}=${value} ${fencingToken}` }),
        ...(deletionCost !== undefined && { [DELETION_COST]: this.#cost }),
      },
    };
  }

  /** A Pod has one cost, and perhaps several leaders. */
  get #cost(): string | null {
    const wanted = [...this.#options.leaders].flatMap((mark) => mark.#options.deletionCost ?? []);
    return wanted.length > 0 ? String(Math.max(...wanted)) : null;
  }

  /** Keeps what other leaders of this process still need on this Pod. */
  #noOwnMarks() {
    const { label, leaders } = this.#options;
    const isKept = [...leaders].some((mark) => keyOf(mark.#options.label) === keyOf(label));
    return this.#noMarks(isKept ? undefined : label, this.#cost);
  }

  #noMarks(label: string | undefined, cost: string | null) {
    const { deletionCost } = this.#options;
    return {
      ...(label !== undefined && { labels: { [labelOf(label).key]: null } }),
      annotations: {
        ...(label !== undefined && { [this.#note]: null }),
        ...(deletionCost !== undefined && { [DELETION_COST]: cost }),
      },
    };
  }

  /** Only exactly this Pod, never one that has its name. */
  async #patch({ name, uid, resourceVersion }: Target, changes: object): Promise<void> {
    const { api, namespace } = this.#options;
    const metadata = { uid, resourceVersion, ...changes };
    await api.request(mergePatch(`${podsPath(namespace)}/${name}`, { metadata }), () => undefined);
  }
}

/** What it needs, for a Role. */
export function rightsOf({ label, deletionCost, preference }: PodOptions): PodRights {
  return {
    marks: label !== undefined || deletionCost !== undefined,
    prefers: preference !== undefined,
    nodes: typeof preference === 'object',
  };
}

/** What went wrong with the mark of this Pod, and what to do, for people. */
export function explainMark(error: unknown, podName: string, refused: Refused): string {
  const why = error instanceof ApiError ? ` ${remedyOf(error, refused).advice}` : '';
  return (
    `${messageOf(error)}. The election of ${refused.object} continues, but options.label and ` +
    `options.deletionCost have no effect on Pod ${podName}.${why}`
  );
}

function keyOf(label: string | undefined): string | undefined {
  return label === undefined ? undefined : labelOf(label).key;
}

function targetOf(item: unknown): Target {
  const metadata = child(item, 'metadata');
  return {
    name: text(metadata, 'name') ?? '',
    uid: text(metadata, 'uid') ?? '',
    resourceVersion: text(metadata, 'resourceVersion'),
  };
}

/** The keys of the labels that leaders have set on this Pod, by its annotations. */
export function markedKeys(pod: Json): readonly string[] {
  const annotations = child(child(pod, 'metadata'), 'annotations');
  return Object.keys(annotations)
    .filter((name) => name.startsWith(NOTE_PREFIX))
    .map((name) => (text(annotations, name) ?? '').split('=', 1)[0] ?? '');
}
