import { describe, expect, test, vi } from 'vitest';

import { Campaign, type CampaignObserver } from '../../lib/lease/campaign.ts';
import type { OpenLock } from '../../lib/lease/resource-lock.ts';
import type { LockListener } from '../../lib/lease/resource-lock.ts';
import type { LeaderElectionRecord, LockVersion } from '../../lib/protocol/lease/record.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';
import { Outcome } from './simulation.ts';

const DURATIONS = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

const { signal: never } = new AbortController();
const hang = () => new Promise<never>(() => undefined);

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
  holdBy(holderIdentity: string): void {
    const time = '2026-01-01T00:00:00.000000Z';
    this.put({
      holderIdentity,
      leaseDurationSeconds: 3_600,
      acquireTime: time,
      renewTime: time,
      leaseTransitions: 0,
    });
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
    expect.unreachable('who opened the lock closes it');
  }
}

function campaignOf({
  lock = new MemoryLock(),
  watch,
  requestTimeoutMs = 5_000,
}: {
  readonly lock?: MemoryLock;
  readonly watch?: NonNullable<OpenLock['watch']>;
  readonly requestTimeoutMs?: number;
} = {}) {
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

async function leading(options: Parameters<typeof campaignOf>[0] = {}) {
  const created = campaignOf(options);
  await created.campaign.acquire(never);
  return created;
}

describe('a campaign that is called off', () => {
  test('before it has begun sends nothing', async () => {
    const { campaign, lock } = campaignOf();
    const reason = new Error('enough');
    await expect(campaign.acquire(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(lock.get).not.toHaveBeenCalled();
  });

  test('by whom it tells of the holder writes nothing', async () => {
    const { campaign, lock, observer } = campaignOf();
    lock.holdBy('a');
    const stop = new AbortController();
    observer.onState.mockImplementation(() => {
      stop.abort(new Error('enough'));
    });
    await expect(campaign.acquire(stop.signal)).rejects.toThrow('enough');
    expect(lock.get).toHaveBeenCalledOnce();
    expect(lock.update).not.toHaveBeenCalled();
  });

  test('while it reads is in no trouble', async () => {
    const { campaign, clock, lock, troubles } = campaignOf();
    lock.get.mockImplementation(hang);
    const stop = new AbortController();
    const outcome = new Outcome(campaign.acquire(stop.signal));
    await clock.settle();
    stop.abort(new Error('enough'));
    await clock.settle();
    expect(outcome.error).toBe(stop.signal.reason);
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

  test('of a leader has no longer than the leader leads', async () => {
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
    lock.update.mockImplementation(
      (_, record) =>
        new Promise((resolve) => {
          clock.after(3_000, () => {
            resolve(lock.put(record));
          });
        }),
    );
    const outcome = new Outcome(campaign.release());
    await clock.advance(3_000);
    expect(outcome.state).toBe('resolved');
    expect(troubles()).toEqual([]);
    expect(lock.stored?.record.holderIdentity).toBe('');
  });
});

describe('a release', () => {
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

  test('that is refused for good is not tried again, and logged', async () => {
    const { campaign, clock, lock, observer } = await leading();
    lock.update.mockRejectedValue(new TypeError('read-only'));
    const outcome = new Outcome(campaign.release());
    await clock.settle();
    expect(outcome.state).toBe('resolved');
    expect(lock.update).toHaveBeenCalledOnce();
    expect(observer.log).toHaveBeenLastCalledWith(
      'not released, but left to expire: TypeError: read-only',
    );
    expect(clock.pending).toBe(0);
  });

  test('that is not answered is given up after the renew deadline, and logged', async () => {
    const { campaign, clock, lock, observer } = await leading({ requestTimeoutMs: 60_000 });
    lock.update.mockImplementation(hang);
    const outcome = new Outcome(campaign.release());
    await clock.advance(9_999);
    expect(outcome.isPending).toBe(true);
    await clock.advance(1);
    expect(outcome.state).toBe('resolved');
    expect(observer.log).toHaveBeenLastCalledWith(
      'not released, but left to expire: Error: the time for it is up',
    );
    campaign.close();
    await clock.settle();
    expect(clock.pending).toBe(0);
  });
});

describe('a leader', () => {
  test('that is told to stop renewing stops, and has lost nothing', async () => {
    const { campaign, clock } = await leading();
    const stop = new AbortController();
    const outcome = new Outcome(campaign.renew(stop.signal));
    await clock.advance(60_000);
    stop.abort(new Error('enough'));
    await clock.settle();
    expect([outcome.state, outcome.value, outcome.error]).toEqual([
      'resolved',
      undefined,
      undefined,
    ]);
    expect(clock.pending).toBe(0);
  });

  test('rejects with what nobody foresaw', async () => {
    const { campaign, clock, observer } = await leading();
    const bug = new Error('a bug');
    observer.onState.mockImplementation(() => {
      throw bug;
    });
    const outcome = new Outcome(campaign.renew(never));
    await clock.advance(3_000);
    expect(outcome.error).toBe(bug);
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
  test('that a lock does not have is nobody’s trouble', async () => {
    const { clock, observer } = await leading();
    await clock.settle();
    expect(observer.onUnwatched).not.toHaveBeenCalled();
  });

  test.for(['ends', 'rejects', 'throws'] as const)(
    'that %s is made up for by looking every retryPeriodMs',
    async (how) => {
      const error = new Error('broken');
      const end = Promise.withResolvers<undefined>();
      const watch = (listener: LockListener) => {
        if (how === 'throws') throw error;
        listener.onOpen();
        return end.promise;
      };
      const lock = new MemoryLock();
      lock.holdBy('b');
      const { campaign, clock, observer } = campaignOf({ lock, watch });
      void campaign.acquire(never);
      await clock.advance(100);
      if (how === 'ends') end.resolve(undefined);
      if (how === 'rejects') end.reject(error);
      await clock.advance(100);
      lock.get.mockClear();
      await clock.advance(60_000);
      expect(lock.get.mock.calls.length).toBeGreaterThanOrEqual(30);
      expect(observer.onUnwatched.mock.calls).toEqual(how === 'ends' ? [] : [[error]]);
    },
  );

  test('that rejects because it was ended is nobody’s trouble', async () => {
    const watch = (_: LockListener, signal: AbortSignal) =>
      new Promise<never>((__, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason);
        });
      });
    const { campaign, clock, observer } = await leading({ watch });
    campaign.close();
    await clock.settle();
    expect(observer.onUnwatched).not.toHaveBeenCalled();
  });
});

test('a campaign logs its phases', async () => {
  const { campaign, clock, observer } = await leading();
  const stop = new AbortController();
  void campaign.renew(stop.signal);
  await clock.advance(10_000);
  stop.abort();
  await clock.settle();
  await campaign.release();
  expect(observer.log.mock.calls.flat()).toEqual([
    'following, written: leading',
    'leading, finish: releasing',
    'releasing, written: ended',
  ]);
});
