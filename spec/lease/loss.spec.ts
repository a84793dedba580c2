import { describe, expect, test } from 'vitest';

import { sleep } from '../../lib/platform/clock.ts';
import type { LeaseLeadership } from '../../lib/lease/lead.ts';
import { leading, LOST, nothing, UPDATES, world } from './scene.ts';
import { Outcome, untilAborted } from './simulation.ts';

type Scene = Awaited<ReturnType<typeof leading>>;

const STOP = 'Stop all work that only a leader may do.';

describe('LEASE-1: a Lease that is lost', () => {
  test('aborts the signal, and rejects once the work has settled', async () => {
    const settle = Promise.withResolvers<string>();
    const { clock, a, leadership, outcome } = await leading({}, () => settle.promise);
    a.line.cut();
    await clock.advance(10_000);
    expect(leadership.signal.reason).toMatchObject(LOST);
    expect(leadership.remainingMs()).toBe(0);
    await clock.advance(5_000);
    expect(outcome.isPending).toBe(true);
    settle.resolve('late');
    await clock.advance(1_000);
    expect(outcome.error).toBe(leadership.signal.reason);
    expect(a.remains).toEqual(nothing);
  });

  test('was lost within the renew deadline of the last renewal that was sent', async () => {
    const { clock, cluster, a, leadership } = await leading();
    await clock.advance(7_000);
    const last = cluster.requests.filter({ ...UPDATES, status: 200 }).at(-1)?.time ?? 0;
    a.line.cut();
    await clock.runUntil(() => leadership.signal.aborted);
    expect(clock.now()).toBeLessThanOrEqual(last + 10_000);
  });

  test('is not released', async () => {
    const { clock, a, faults, outcome, holder } = await leading();
    a.line.cut();
    await clock.advance(9_990);
    a.line.mend();
    faults.add({ ...UPDATES, error: { status: 500 } });
    await clock.advance(5_000);
    expect(outcome.error).toMatchObject(LOST);
    expect(holder()).toBe('a');
  });

  test('to another is noticed at once', async () => {
    const { clock, leadership, patch } = await leading();
    await clock.advance(5_000);
    patch({ holderIdentity: 'a1', leaseTransitions: 1 });
    await clock.advance(10);
    expect(leadership.signal.reason).toMatchObject(LOST);
  });

  test('is renewed no more, though a renewal is answered late, while the work ends', async () => {
    const work = ({ signal }: LeaseLeadership) =>
      untilAborted({ signal }).then(() => sleep(scene.a.clock, 9_000));
    const scene: Scene = await leading({}, work);
    const { simulation, clock, a, faults, outcome, leadership, updates } = scene;
    // Each is sent three seconds after the one before.
    faults.add({ ...UPDATES, latencyMs: 1_000 });
    await clock.advance(60_000);
    const before = updates();
    await clock.runUntil(() => updates() === before + 1);
    const provenMs = clock.now();
    await clock.runUntil(() => updates() === before + 2);
    a.stop();
    await clock.advance(provenMs + 10_000 - clock.now());
    expect(leadership.signal.aborted).toBe(true);
    await a.continue({ readFirst: true });
    await expect(simulation.settled(outcome.promise)).rejects.toMatchObject(LOST);
    expect(updates()).toBe(before + 2);
  });
});

describe('the error of a leader that has lost the Lease', () => {
  const tellsCause: [string, (scene: Scene) => unknown, string, object][] = [
    [
      'has the Role, if writing is forbidden',
      ({ cluster }) => cluster.revoke('a'),
      'resourceNames: ["lock"]',
      { code: 'ERR_FORBIDDEN' },
    ],
    [
      'has the request, if nothing answers',
      ({ faults }) => faults.add({ ...UPDATES, reset: true }),
      'PUT /apis/coordination.k8s.io',
      { name: 'NoAnswerError' },
    ],
  ];

  test.each(tellsCause)('%s', async (_, begin, text, cause) => {
    const scene = await leading();
    begin(scene);
    const loss = scene.simulation.settled(scene.outcome.promise);
    await expect(loss).rejects.toMatchObject({ ...LOST, cause });
    await expect(loss).rejects.toThrow(text);
  });

  /** What is told, and no cause. */
  const tells: [string, (scene: Scene) => unknown, string][] = [
    [
      'names the other, in one line',
      ({ patch }) => patch({ holderIdentity: 'usurper\n\u001b[31m' }),
      'usurper  [31m holds it',
    ],
    ['names the other, not a failure before', takenUnseen('usurper'), 'usurper holds it'],
    [
      'names a release by hand, not a failure before',
      takenUnseen(''),
      'somebody else has released it',
    ],
    [
      'names no failure that was overcome',
      async ({ faults, clock, a }) => {
        faults.add({ ...UPDATES, times: 1, error: { status: 500 } });
        await clock.advance(60_000);
        a.suspend();
        await clock.advance(60_000);
        a.resume();
      },
      'no renewal has succeeded for 10000 ms',
    ],
  ];

  test.each(tells)('%s', async (_, begin, why) => {
    const scene = await leading();
    await begin(scene);
    const error = await scene.simulation.settled(
      scene.outcome.promise.catch((loss: unknown) => loss),
    );
    expect(error).toMatchObject(LOST);
    expect(error).toHaveProperty(
      'message',
      `Lease default/lock is not held any more by a: ${why}. ${STOP}`,
    );
    expect(error).not.toHaveProperty('cause');
  });

  function takenUnseen(holderIdentity: string) {
    return ({ faults, patch }: Scene) => {
      faults.add({ user: 'a', verb: 'watch', freeze: true });
      faults.add({ ...UPDATES, user: 'a', times: 1, error: { status: 500 } });
      patch({ holderIdentity, leaseTransitions: 7 });
    };
  }
});

describe('LEASE-1: a renewal that was given up', () => {
  test('makes no leader again when it is carried out after all', async () => {
    const { clock, a, outcome, leadership, spec } = await leading();
    a.line.mishap = ({ method }) => (method === 'PUT' ? { lateMs: 12_000 } : {});
    await clock.advance(11_900);
    expect(outcome.error).toMatchObject(LOST);
    const before = spec()?.renewTime;
    await clock.advance(5_000);
    expect(spec()?.renewTime).not.toBe(before);
    expect([leadership.signal.aborted, leadership.remainingMs()]).toEqual([true, 0]);
  });

  test('changes nothing when it is carried out after another has taken over', async () => {
    const { clock, a, b, spec } = await leading();
    void b.lead(untilAborted);
    await clock.advance(3_000);
    a.line.mishap = ({ method }) => (method === 'PUT' ? { lateMs: 30_000 } : {});
    await clock.advance(60_000);
    expect(spec()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test('proves leadership from when it was sent, however late its answer is', async () => {
    const { clock, a, leadership } = await leading();
    await clock.advance(1_900);
    let sentMs = 0;
    a.line.mishap = () => {
      sentMs = clock.now();
      a.line.mishap = () => {
        a.line.cut();
        return {};
      };
      return { answerMs: 4_500 };
    };
    await clock.runUntil(() => leadership.signal.aborted);
    expect(sentMs).toBeGreaterThan(1_900);
    expect(clock.now() - sentMs).toBeLessThanOrEqual(10_000);
    expect(clock.now() - sentMs).toBeGreaterThan(9_900);
  });
});

test('the start is called only after the write has been answered', async () => {
  const { clock, a, faults, holder } = await world();
  faults.add({ verb: 'create', times: 3, error: { status: 500 } });
  const latency = faults.add({ verb: 'create', latencyMs: 3_000 });
  const outcome = new Outcome(a.lead(() => 'led'));
  await clock.runUntil(() => latency.hits === 4);
  await clock.advance(2_000);
  expect([holder(), outcome.state]).toEqual(['a', 'pending']);
  await clock.advance(2_000);
  expect(outcome.value).toBe('led');
});
