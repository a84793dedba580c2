import type { KubeObject } from '../../lib/testing/objects.ts';
import type { Candidate } from './candidate.ts';
import type { Fact } from './fact.ts';

const MARK = 'leader-for-life/pod-uid';
const ATTEMPT = 'leader-for-life/attempt';

/** The lock as it stands in the cluster, whatever anybody believes. */
export interface LockState {
  readonly uid: string;
  readonly version: string;
  readonly holderUid: string;
  readonly holderName: string;
  /** Its owner reference was stripped: only its annotations tell whose it was. */
  readonly isOrphaned: boolean;
  readonly isDeleting: boolean;
  /** Its holder has said in it that it gives it up. */
  readonly isReleased: boolean;
  /** By name, the Pod that is asked in it to hand over. */
  readonly asked: string | undefined;
  /** Of the call of `become` that created it. */
  readonly attempt: string;
  readonly hasFinalizers: boolean;
  /** The Pods that its creator had to see end. */
  readonly predecessorUids: readonly string[];
}

/** What the lock called `lock` is, and was. */
export class Truth {
  #lock: LockState | undefined;
  #lastLeader: Candidate | undefined;

  get lock(): LockState | undefined {
    return this.#lock;
  }

  /** Who was the last to be told that he leads for life. */
  get lastLeader(): Candidate | undefined {
    return this.#lastLeader;
  }

  notice(fact: Fact): void {
    if (fact.type === 'leads' && fact.who.kind === 'life') this.#lastLeader = fact.who;
    if (fact.type !== 'written' || fact.resource !== 'configmaps') return;
    if ((fact.after ?? fact.before)?.metadata.name !== 'lock') return;
    this.#lock = fact.after && lockOf(fact.after);
  }
}

/** Who holds a lock, read without the library. */
export function lockOf({ metadata }: Pick<KubeObject, 'metadata'>): LockState {
  const { uid, resourceVersion, annotations = {}, ownerReferences = [] } = metadata;
  const owner = ownerReferences.find(({ kind }) => kind === 'Pod');
  return {
    uid,
    version: resourceVersion,
    holderUid: owner?.uid ?? annotations[MARK] ?? '',
    holderName: owner?.name ?? annotations['leader-for-life/pod-name'] ?? '',
    isOrphaned: owner === undefined,
    isReleased: annotations['leader-for-life/released'] !== undefined,
    asked: annotations['leader-for-life/step-down'],
    isDeleting: metadata.deletionTimestamp !== undefined,
    attempt: annotations[ATTEMPT] ?? '',
    hasFinalizers: (metadata.finalizers ?? []).length > 0,
    predecessorUids: (annotations['leader-for-life/predecessors'] ?? '')
      .split(',')
      .flatMap((pod) => pod.split('/')[1] ?? []),
  };
}

/** The call of `become` by which a lock is created. */
export function attemptOf(body: unknown): string {
  const { metadata } = (body ?? {}) as Partial<Pick<KubeObject, 'metadata'>>;
  return metadata?.annotations?.[ATTEMPT] ?? '';
}
