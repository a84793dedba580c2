/**
 * What client-go's `leaderelection` does (v0.36, with `resourcelock.LeaseLock` and the part of `rest`
 * that retries), for worlds in which it competes with ours. Its weaknesses are meant: each is said
 * where it is.
 */
import { linked } from '../../lib/platform/abort.ts';
import { type Clock, sleep } from '../../lib/platform/clock.ts';
import type { ApiRequest, Transport } from '../../lib/kubernetes/transport.ts';
import { microTime } from '../../lib/protocol/lease/record.ts';

export interface ClientGoConfig {
  readonly identity: string;
  readonly name: string;
  readonly namespace: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly releaseOnCancel: boolean;
  /** `rest.Config.Timeout`: of each attempt. Operators have half of the deadline, controllers all of it. */
  readonly requestTimeoutMs: number;
}

export interface ClientGoCallbacks {
  /** The signal aborts only once `renew` has returned: after a release was tried. */
  onStartedLeading(signal: AbortSignal): void;
  /** Whether it led or not. */
  onStoppedLeading(): void;
  onNewLeader?(identity: string): void;
}

/** A `LeaderElectionRecord`, of which the raw form has whole seconds. */
interface GoRecord {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  /** Wall time, in milliseconds; 0 for none. */
  readonly acquireTimeMs: number;
  readonly renewTimeMs: number;
  readonly leaderTransitions: number;
}

interface LeaseObject {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

const NOBODY: GoRecord = {
  holderIdentity: '',
  leaseDurationSeconds: 0,
  acquireTimeMs: 0,
  renewTimeMs: 0,
  leaderTransitions: 0,
};

const JITTER_FACTOR = 1.2;
const MAX_RETRIES = 10;

/** What the API server answered instead of an object. */
class StatusError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

/** One candidate. Only the monotonic clock decides, which stands still while the machine sleeps. */
export class ClientGoElector {
  readonly #clock: Clock;
  readonly #transport: Transport;
  readonly #config: ClientGoConfig;
  readonly #callbacks: ClientGoCallbacks;
  #observed = NOBODY;
  #observedRaw = '';
  #observedMs = Number.NEGATIVE_INFINITY;
  #reported = '';
  /** As the lock has it: what was last read or written. */
  #lease: LeaseObject | undefined;

  constructor(
    clock: Clock,
    transport: Transport,
    config: ClientGoConfig,
    callbacks: ClientGoCallbacks,
  ) {
    this.#clock = clock;
    this.#transport = transport;
    this.#config = config;
    this.#callbacks = callbacks;
  }

  /** Whether it was the holder when it last looked; says nothing of time. */
  isLeader(): boolean {
    return this.#observed.holderIdentity === this.#config.identity;
  }

  async run(context: AbortSignal): Promise<void> {
    try {
      if (!(await this.#acquire(context))) return;
      const { controller, end } = linked(context);
      this.#callbacks.onStartedLeading(controller.signal);
      await this.#renew(context);
      controller.abort();
      end();
    } finally {
      this.#callbacks.onStoppedLeading();
    }
  }

  /** Tries until it has the lock: first at once, then after one to 2.2 retry periods each. */
  async #acquire(context: AbortSignal): Promise<boolean> {
    const { retryPeriodMs } = this.#config;
    while (!context.aborted) {
      const succeeded = await this.#tryAcquireOrRenew(context);
      this.#report();
      if (succeeded) return true;
      await this.#pause(retryPeriodMs * (1 + JITTER_FACTOR * this.#clock.random()), context);
    }
    return false;
  }

  /** Returns when no try has succeeded for the whole deadline, or nobody wants to lead any more. */
  async #renew(context: AbortSignal): Promise<void> {
    while (!context.aborted) {
      const isRenewed = await this.#poll(context);
      this.#report();
      if (!isRenewed) break;
      await this.#pause(this.#config.retryPeriodMs, context);
    }
    if (this.#config.releaseOnCancel) await this.#release();
  }

  /**
   * Tries at once and with every tick, until the deadline, which is counted from when the renewal was
   * due, not from the last one: a leader leads a retry period longer. And it leads on when it has
   * read that another one holds the lock.
   */
  async #poll(context: AbortSignal): Promise<boolean> {
    const { retryPeriodMs, renewDeadlineMs } = this.#config;
    const { controller, end } = linked(context);
    const { signal } = controller;
    const cancel = this.#clock.after(renewDeadlineMs, () =>
      controller.abort(new Error('context deadline exceeded')),
    );
    let tickMs = this.#clock.now() + retryPeriodMs;
    try {
      while (!signal.aborted) {
        if (await this.#tryAcquireOrRenew(signal)) return true;
        // One tick that came meanwhile is kept, no more.
        const nowMs = this.#clock.now();
        if (nowMs < tickMs) await this.#pause(tickMs - nowMs, signal);
        do tickMs += retryPeriodMs;
        while (tickMs <= this.#clock.now());
      }
      return false;
    } finally {
      cancel();
      end();
    }
  }

  async #tryAcquireOrRenew(context: AbortSignal): Promise<boolean> {
    const nowMs = this.#clock.now();
    const wallMs = this.#clock.date().getTime();
    const { identity, leaseDurationMs } = this.#config;
    const mine = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.trunc(leaseDurationMs / 1_000),
      renewTimeMs: wallMs,
      acquireTimeMs: wallMs,
      leaderTransitions: 0,
    };
    try {
      if (this.isLeader() && this.#isValid(nowMs)) {
        const { acquireTimeMs, leaderTransitions } = this.#observed;
        const renewed = { ...mine, acquireTimeMs, leaderTransitions };
        // Whatever it is that fails: it is read what there is.
        if (await succeeds(this.#update(renewed, context))) return true;
      }
      const previous = await this.#get(context);
      if (!previous) {
        this.#lease = await this.#create(mine, context);
        this.#observe(mine);
        return true;
      }
      const raw = rawOf(previous);
      if (raw !== this.#observedRaw) {
        this.#observe(previous);
        this.#observedRaw = raw;
      }
      const isHeld = previous.holderIdentity !== '' && this.#isValid(nowMs);
      if (isHeld && !this.isLeader()) return false;
      const { acquireTimeMs, leaderTransitions } = previous;
      const record = this.isLeader()
        ? { ...mine, acquireTimeMs, leaderTransitions }
        : { ...mine, leaderTransitions: leaderTransitions + 1 };
      await this.#update(record, context);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Reads the lock, but judges by what it last saw of it: whoever has it by now loses it. It does so
   * after a loss, too, and until then its work goes on.
   */
  async #release(): Promise<void> {
    const limit = new AbortController();
    const cancel = this.#clock.after(this.#config.renewDeadlineMs, () =>
      limit.abort(new Error('context deadline exceeded')),
    );
    try {
      for (;;) {
        const previous = await this.#get(limit.signal);
        if (!previous || !this.isLeader()) return;
        const wallMs = this.#clock.date().getTime();
        const { leaderTransitions } = previous;
        const released = { ...NOBODY, leaseDurationSeconds: 1, leaderTransitions };
        const conflicts = await this.#update(
          { ...released, renewTimeMs: wallMs, acquireTimeMs: wallMs },
          limit.signal,
        ).then(
          () => false,
          (error: unknown) => {
            if (error instanceof StatusError && error.status === 409) return true;
            throw error;
          },
        );
        if (!conflicts) return;
        // No request takes no time, as it may in these worlds.
        await sleep(this.#clock, 1, limit.signal);
      }
    } catch {
      // It is left to expire.
    } finally {
      cancel();
    }
  }

  /** From when it was observed, by this process: nothing is known of when it was written. */
  #isValid(nowMs: number): boolean {
    return this.#observedMs + this.#observed.leaseDurationSeconds * 1_000 > nowMs;
  }

  #observe(record: GoRecord): void {
    this.#observed = record;
    this.#observedMs = this.#clock.now();
  }

  #report(): void {
    const { holderIdentity } = this.#observed;
    if (holderIdentity === this.#reported) return;
    this.#reported = holderIdentity;
    this.#callbacks.onNewLeader?.(holderIdentity);
  }

  /** Until the context is done, at the latest. */
  async #pause(ms: number, context: AbortSignal): Promise<void> {
    await succeeds(sleep(this.#clock, ms, context));
  }

  get #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#config.namespace}/leases`;
  }

  async #get(context: AbortSignal): Promise<GoRecord | undefined> {
    const path = `${this.#path}/${this.#config.name}`;
    try {
      this.#lease = await this.#request({ method: 'GET', path }, context);
      return recordOf(this.#lease.spec ?? {});
    } catch (error) {
      if (error instanceof StatusError && error.status === 404) return undefined;
      throw error;
    }
  }

  #create(record: GoRecord, context: AbortSignal): Promise<LeaseObject> {
    const { name, namespace } = this.#config;
    const body = { apiVersion, kind, metadata: { name, namespace }, spec: specOf(record) };
    return this.#request({ method: 'POST', path: this.#path, body }, context);
  }

  /** Replaces the version that it knows, and the whole of its spec. */
  async #update(record: GoRecord, context: AbortSignal): Promise<void> {
    const path = `${this.#path}/${this.#config.name}`;
    const body = { apiVersion, kind, metadata: this.#lease?.metadata, spec: specOf(record) };
    this.#lease = await this.#request({ method: 'PUT', path, body }, context);
    this.#observe(record);
  }

  /** Tries again when it is told to wait, or a connection breaks while it reads; in whole seconds. */
  async #request(request: ApiRequest, context: AbortSignal): Promise<LeaseObject> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(request, context);
      if ('object' in outcome) return outcome.object;
      const { error, retryAfterSeconds } = outcome;
      if (retryAfterSeconds === undefined || attempt > MAX_RETRIES) throw error;
      await sleep(this.#clock, retryAfterSeconds * 1_000, context);
    }
  }

  async #attempt(request: ApiRequest, context: AbortSignal): Promise<Outcome> {
    const { controller, end } = linked(context);
    const cancel = this.#clock.after(this.#config.requestTimeoutMs, () =>
      controller.abort(new Error('Client.Timeout exceeded')),
    );
    try {
      const response = await this.#transport.send(request, controller.signal);
      let text = '';
      for await (const piece of response.body) text += piece;
      const { status } = response;
      if (status < 300) return { object: JSON.parse(text) as LeaseObject };
      const seconds = response.headers['retry-after'];
      const isRetried = (status === 429 || status >= 500) && seconds !== undefined;
      const error = new StatusError(status);
      return { error, retryAfterSeconds: isRetried ? Number(seconds) : undefined };
    } catch (error) {
      const isReset = (error as { readonly code?: unknown }).code === 'ECONNRESET';
      const isRetried = isReset && request.method === 'GET' && !controller.signal.aborted;
      return { error, retryAfterSeconds: isRetried ? 1 : undefined };
    } finally {
      cancel();
      end();
    }
  }
}

type Outcome =
  | { readonly object: LeaseObject }
  | { readonly error: unknown; readonly retryAfterSeconds: number | undefined };

const apiVersion = 'coordination.k8s.io/v1';
const kind = 'Lease';

async function succeeds(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch {
    return false;
  }
}

function specOf(record: GoRecord): object {
  return {
    holderIdentity: record.holderIdentity,
    leaseDurationSeconds: record.leaseDurationSeconds,
    acquireTime: timeOf(record.acquireTimeMs),
    renewTime: timeOf(record.renewTimeMs),
    leaseTransitions: record.leaderTransitions,
  };
}

function timeOf(ms: number): string | null {
  return ms === 0 ? null : microTime(ms);
}

function recordOf(spec: Readonly<Record<string, unknown>>): GoRecord {
  const { holderIdentity = '', leaseDurationSeconds = 0, leaseTransitions = 0 } = spec;
  const time = (value: unknown) => (typeof value === 'string' ? Date.parse(value) : 0);
  return {
    holderIdentity: holderIdentity as string,
    leaseDurationSeconds: leaseDurationSeconds as number,
    acquireTimeMs: time(spec['acquireTime']),
    renewTimeMs: time(spec['renewTime']),
    leaderTransitions: leaseTransitions as number,
  };
}

/** What it compares: two renewals within one second look the same. */
function rawOf(record: GoRecord): string {
  const second = (ms: number) => Math.floor(ms / 1_000);
  const { acquireTimeMs, renewTimeMs } = record;
  return JSON.stringify({
    ...record,
    acquireTimeMs: second(acquireTimeMs),
    renewTimeMs: second(renewTimeMs),
  });
}
