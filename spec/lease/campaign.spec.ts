import { describe, expect, test, vi } from 'vitest';

import { Campaign, type CampaignObserver } from '../../lib/lease/campaign.ts';
import type { LockListener, OpenLock } from '../../lib/lease/resource-lock.ts';
import type { LeaderElectionRecord, LockVersion } from '../../lib/protocol/lease/record.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';
import { aVersion } from '../protocol/lease/fixtures.ts';
import { endless as hang, enough } from './scene.ts';
import { DURATIONS, Outcome } from './simulation.ts';

const { signal: never } = new AbortController();

/** A lock in memory, whose methods can be replaced while it is in use. */
class MemoryLock implements OpenLock {
  readonly identity = 'a';
  readonly namespace = '';
  readonly name = 'lock';
  readonly key = {
    server: '',
    kind: 'Lease',
    namespace: '',
    name: 'lock',
    candidate: 'a',
  } as const;
  stored: LockVersion | undefined;
  #revision = 0;

  describe(): string {
    return this.name;
  }

  put(record: LeaderElectionRecord): LockVersion {
    this.#revision += 1;
    this.stored = { record, resourceVersion: String(this.#revision) };
    return this.stored;
  }

  /** Somebody holds it, for an hour. */
  holdBy(holderIdentity: string): this {
    this.put(aVersion('', { holderIdentity, leaseDurationSeconds: 3_600 }).record);
    return this;
  }

  get = vi.fn<OpenLock['get']>(() => Promise.resolve(this.stored));

  create = vi.fn<OpenLock['create']>((record) =>
    Promise.resolve(this.stored ? 'conflict' : this.put(record)),
  );

  update = vi.fn<OpenLock['update']>((version, record) => {
    const current = this.stored?.resourceVersion === version.resourceVersion;
    return Promise.resolve(current ? this.put(record) : 'conflict');
  });

  /** What is thrown as a TypeError would be thrown again. */
  failure(error: unknown) {
    const permanent = error instanceof TypeError;
    return { error, permanent, ambiguous: true, retryAfterMs: undefined };
  }

  close(): void {
    expect.unreachable('it is closed by the one that opened it');
  }
}

interface Options {
  readonly lock?: MemoryLock;
  readonly watch?: NonNullable<OpenLock['watch']>;
  readonly requestTimeoutMs?: number;
}

function campaignOf({ lock = new MemoryLock(), watch, requestTimeoutMs = 5_000 }: Options = {}) {
  const clock = new SimulatedClock();
  const observer = {
    onState: vi.fn<CampaignObserver['onState']>(),
    onSlowPath: vi.fn<CampaignObserver['onSlowPath']>(),
    onUnwatched: vi.fn<CampaignObserver['onUnwatched']>(),
    log: vi.fn<CampaignObserver['log']>(),
  };
  const settings = { ...DURATIONS, identity: lock.identity };
  if (watch) Object.assign(lock, { watch });
  const campaign = new Campaign({ clock, lock, settings, requestTimeoutMs, observer });
  const troubles = () => observer.onState.mock.calls.flatMap(([, trouble]) => trouble ?? []);
  return { clock, lock, observer, campaign, troubles };
}

async function leading(options: Options = {}) {
  const created = campaignOf(options);
  await created.campaign.acquire(never);
  return created;
}

describe('a campaign that is called off', () => {
  test('before it has begun sends nothing', async () => {
    const { campaign, lock } = campaignOf();
    await expect(campaign.acquire(AbortSignal.abort(enough))).rejects.toBe(enough);
    expect(lock.get).not.toHaveBeenCalled();
  });

  test('by its observer, when it learns the holder, writes nothing', async () => {
    const { campaign, lock, observer } = campaignOf({ lock: new MemoryLock().holdBy('a') });
    const stop = new AbortController();
    observer.onState.mockImplementation(() => stop.abort(enough));
    await expect(campaign.acquire(stop.signal)).rejects.toBe(enough);
    expect(lock.get).toHaveBeenCalledOnce();
    expect(lock.update).not.toHaveBeenCalled();
  });

  test('while it reads is in no trouble', async () => {
    const { campaign, clock, lock, troubles } = campaignOf();
    lock.get.mockImplementation(hang);
    const stop = new AbortController();
    const outcome = new Outcome(campaign.acquire(stop.signal));
    await clock.settle();
    stop.abort(enough);
    await clock.settle();
    expect(outcome.error).toBe(enough);
    expect(troubles()).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('a request', () => {
  test('is given up when its time is up, and tried again', async () => {
    const { campaign, clock, lock, troubles } = campaignOf();
    lock.get.mockImplementationOnce(hang);
    const outcome = new Outcome(campaign.acquire(never));
    await clock.advance(4_999);
    expect(troubles()).toEqual([]);
    await clock.advance(1);
    expect(troubles()).toEqual([new Error('no answer within 5000 ms')]);
    expect(lock.get.mock.lastCall?.[0].aborted).toBe(true);
    await clock.advance(1_000);
    expect(outcome.state).toBe('resolved');
  });

  test('LEASE-1: of a leader has no longer than the leader leads', async () => {
    const { campaign, clock, lock } = await leading({ requestTimeoutMs: 30_000 });
    lock.update.mockImplementation(hang);
    const outcome = new Outcome(campaign.renew(never));
    await clock.advance(9_999);
    expect(lock.update).toHaveBeenCalledOnce();
    expect(outcome.isPending).toBe(true);
    await clock.advance(1);
    expect(outcome.value).toEqual({ because: 'expired' });
    expect(lock.update.mock.lastCall?.[2].aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('to release has its time, however little of the term is left', async () => {
    const { campaign, clock, lock, troubles } = await leading();
    await clock.advance(9_000);
    lock.update.mockImplementation((_, record) => {
      const { promise, resolve } = Promise.withResolvers<LockVersion>();
      clock.after(3_000, () => resolve(lock.put(record)));
      return promise;
    });
    const outcome = new Outcome(campaign.release());
    await clock.advance(3_000);
    expect(outcome.state).toBe('resolved');
    expect(troubles()).toEqual([]);
    expect(lock.stored?.record.holderIdentity).toBe('');
  });
});

describe('a release', () => {
  test('that is cut off has no trouble afterwards', async () => {
    const { campaign, clock, lock, troubles } = await leading();
    lock.update.mockImplementation(() => hang());
    const outcome = new Outcome(campaign.release());
    await clock.advance(10_000);
    expect(outcome.value).toBe(false);
    const before = troubles().length;
    campaign.close();
    await clock.settle();
    expect(troubles().slice(before)).toEqual([]);
  });

  test('of a lock that was released already does nothing', async () => {
    const { campaign, lock, observer } = await leading();
    await campaign.release();
    expect(observer.log.mock.lastCall).toEqual(['releasing, written: ended']);
    vi.clearAllMocks();
    await campaign.release();
    expect(observer.log).not.toHaveBeenCalled();
    expect(observer.onState).not.toHaveBeenCalled();
    expect(lock.update).not.toHaveBeenCalled();
  });

  test.for<[string, () => Promise<never>, number, string]>([
    [
      'that is refused for good is not tried again',
      () => Promise.reject(new TypeError('read-only')),
      0,
      'TypeError: read-only',
    ],
    [
      'that is not answered is given up after the renew deadline',
      hang,
      10_000,
      'Error: the time for it is up',
    ],
  ])('%s, and logged', async ([, update, tookMs, why]) => {
    const { campaign, clock, lock, observer } = await leading({ requestTimeoutMs: 60_000 });
    lock.update.mockImplementation(update);
    const outcome = new Outcome(campaign.release());
    if (tookMs > 0) await clock.advance(tookMs - 1);
    expect(outcome.isPending).toBe(true);
    await clock.advance(1);
    expect(outcome.state).toBe('resolved');
    expect(lock.update).toHaveBeenCalledOnce();
    expect(observer.log).toHaveBeenLastCalledWith(`not released, but left to expire: ${why}`);
    campaign.close();
    await clock.settle();
    expect(clock.pending).toBe(0);
  });
});

describe('a leader', () => {
  test('that is told to stop renewing stops, has lost nothing, and logs its phases', async () => {
    const { campaign, clock, observer } = await leading();
    const stop = new AbortController();
    const outcome = new Outcome(campaign.renew(stop.signal));
    await clock.advance(60_000);
    stop.abort(enough);
    await clock.settle();
    expect(outcome).toMatchObject({ state: 'resolved', value: undefined, error: undefined });
    expect(clock.pending).toBe(0);
    await campaign.release();
    expect(observer.log.mock.calls.flat()).toEqual([
      'following, written: leading',
      'leading, finish: releasing',
      'releasing, written: ended',
    ]);
  });

  test('rejects with what was not foreseen', async () => {
    const { campaign, clock, observer } = await leading();
    observer.onState.mockImplementation(() => {
      throw enough;
    });
    const outcome = new Outcome(campaign.renew(never));
    await clock.advance(3_000);
    expect(outcome.error).toBe(enough);
  });

  test('that is shown its own write, before the answer or after, takes no step', async () => {
    let listener: LockListener | undefined;
    const watch = (given: LockListener) => {
      listener = given;
      return hang();
    };
    const { campaign, clock, lock, observer } = await leading({ watch });
    const answer = Promise.withResolvers<undefined>();
    lock.update.mockImplementationOnce(async (_, record) => {
      const version = lock.put(record);
      listener?.onSeen(version);
      await answer.promise;
      return version;
    });
    void campaign.renew(never);
    await clock.advance(2_100);
    observer.onState.mockClear();
    answer.resolve(undefined);
    await clock.settle();
    expect(observer.onState).toHaveBeenCalledOnce();
    if (lock.stored) listener?.onSeen(lock.stored);
    await clock.settle();
    expect(observer.onState).toHaveBeenCalledOnce();
    if (lock.stored) listener?.onSeen({ ...lock.stored, resourceVersion: '999' });
    await clock.settle();
    expect(observer.onState).toHaveBeenCalledTimes(2);
  });

  test('whose lock was deleted creates it again at once, without a look', async () => {
    let listener: LockListener | undefined;
    const watch = (given: LockListener) => {
      listener = given;
      return hang();
    };
    const { campaign, clock, lock } = await leading({ watch });
    void campaign.renew(never);
    await clock.advance(1_000);
    const { resourceVersion = '' } = lock.stored ?? {};
    lock.stored = undefined;
    vi.clearAllMocks();
    listener?.onGone(resourceVersion);
    await clock.settle();
    expect(lock.stored).toMatchObject({ record: { holderIdentity: 'a' } });
    expect(lock.get).not.toHaveBeenCalled();
  });
});

describe('a watch', () => {
  const untilEnded = (_: LockListener, signal: AbortSignal) =>
    new Promise<never>((__, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });

  test.for<[string, Options]>([
    ['that a lock does not have', {}],
    ['that rejects because it was ended', { watch: untilEnded }],
  ])('%s is no trouble', async ([, options]) => {
    const { campaign, clock, observer } = await leading(options);
    campaign.close();
    await clock.settle();
    expect(observer.onUnwatched).not.toHaveBeenCalled();
  });

  test.for(['ends', 'rejects', 'throws'] as const)(
    'that %s is made up for by a look every retryPeriodMs',
    async (how) => {
      const end = Promise.withResolvers<undefined>();
      const watch = (listener: LockListener) => {
        if (how === 'throws') throw enough;
        listener.onOpen();
        return end.promise;
      };
      const lock = new MemoryLock().holdBy('b');
      const { campaign, clock, observer } = campaignOf({ lock, watch });
      void campaign.acquire(never);
      await clock.advance(100);
      if (how === 'ends') end.resolve(undefined);
      if (how === 'rejects') end.reject(enough);
      await clock.advance(100);
      lock.get.mockClear();
      await clock.advance(60_000);
      expect(lock.get.mock.calls.length).toBeGreaterThanOrEqual(30);
      expect(observer.onUnwatched.mock.calls).toEqual(how === 'ends' ? [] : [[enough]]);
    },
  );
});
