import type { KubeConfig } from '@kubernetes/client-node';
import {
  LeaderElector,
  LeaseLock,
  become,
  lead,
  observeLease,
  observeLock,
} from '../../lib/index.ts';
import { type Attempt, type Contend, ENOUGH } from './rotation.ts';

/** Where candidates compete, and what is the same for all of their attempts. */
export interface Field {
  readonly kubeConfig: KubeConfig;
  readonly namespace: string;
  /** By the names of the Pods that are candidates. */
  readonly uids: Readonly<Record<string, string>>;
  /** Given to every call that is not to be aborted, as whoever has one for the process does. */
  readonly signal: AbortSignal;
}

export interface Mode {
  readonly contend: Contend;
  /** Looks on at a lock until the signal aborts. */
  observe(lockName: string, signal: AbortSignal): AsyncIterable<unknown>;
}

/** So soon a candidate gives up that does. */
const SOON_MS = 20;

const modes = {
  life: (field: Field): Mode => ({
    contend: (attempt) => becomeOnce(field, attempt),
    observe: (lockName, signal) => observeLock(lockName, { ...placeOf(field), signal }),
  }),
  lease: (field: Field): Mode => ({
    contend: (attempt) =>
      attempt.isSpecial ? electOnce(field, attempt) : leadOnce(field, attempt),
    observe: (lockName, signal) => observeLease(lockName, { ...placeOf(field), signal }),
  }),
} as const;

export type ModeName = keyof typeof modes;

export function modeOf(name: ModeName, field: Field): Mode {
  return modes[name](field);
}

async function becomeOnce(field: Field, attempt: Attempt): Promise<void> {
  const { lockName, candidate, ending, isSpecial, onLead } = attempt;
  const enough = new AbortController();
  const leadership = await become(lockName, {
    ...placeOf(field),
    podName: candidate,
    podUid: field.uids[candidate],
    guard: isSpecial,
    signal: ending === 'aborted' ? enough.signal : field.signal,
    timeoutMs: ending === 'timeout' ? SOON_MS : undefined,
    onWaiting: () => {
      enough.abort(new Error(ENOUGH));
    },
  });
  await onLead(leadership.fencingToken);
  await leadership.release();
}

async function leadOnce(field: Field, attempt: Attempt): Promise<void> {
  using impatience = new Impatience(field, attempt);
  const work = async ({ fencingToken }: { readonly fencingToken: string }) => {
    await attempt.onLead(fencingToken);
    // A value says that the work is done, however soon.
    return fencingToken;
  };
  await lead(attempt.lockName, work, {
    ...placeOf(field),
    identity: attempt.candidate,
    signal: impatience.signal,
  });
}

/** In client-go's form. It leads on until its signal aborts. */
async function electOnce(field: Field, attempt: Attempt): Promise<void> {
  using impatience = new Impatience(field, attempt);
  const done = new AbortController();
  const either = AbortSignal.any([impatience.signal, done.signal]);
  const { lockName: name, candidate: identity } = attempt;
  const elector = new LeaderElector({
    lock: new LeaseLock({ ...placeOf(field), name, identity }),
    releaseOnCancel: true,
    leaseDurationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryPeriodMs: 2_000,
    callbacks: {
      onStartedLeading: async () => {
        await attempt.onLead();
        done.abort();
      },
      onStoppedLeading: () => undefined,
    },
  });
  await elector.run(either);
}

/** The signal of an attempt, which aborts soon if that is how it is to end. */
class Impatience implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(field: Field, { ending }: Attempt) {
    if (ending === 'none') {
      this.signal = field.signal;
      return;
    }
    const enough = new AbortController();
    this.signal = enough.signal;
    this.#timer = setTimeout(() => enough.abort(new Error(ENOUGH)), SOON_MS);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function placeOf({ kubeConfig, namespace }: Field): Pick<Field, 'kubeConfig' | 'namespace'> {
  return { kubeConfig, namespace };
}
