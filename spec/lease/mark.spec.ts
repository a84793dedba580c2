import { describe, expect, test } from 'vitest';

import type { LeadOptions } from '../../lib/index.ts';
import { Simulation } from '../life/simulation.ts';
import { LabelHistory } from '../support/labelled.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const LEADER = { label: 'role=leader', deletionCost: 100 } satisfies LeadOptions;
const PATCHES = { verb: 'patch', resource: 'pods' } as const;

/** Two processes in Pods, each a user of its own. */
async function scene() {
  const simulation = await Simulation.withPods();
  const { cluster, clock } = simulation;
  const marks = new LabelHistory(cluster);
  const inPod = (pod: string) => {
    const process = new LeaseProcess(simulation, pod);
    Object.assign(process.platform.environment.variables, cluster.env(pod));
    return process;
  };
  const holder = () => cluster.getLease('lock')?.spec?.holderIdentity;
  /** Leads until `stop` aborts. */
  const leading = (process: LeaseProcess, options: LeadOptions = {}) => {
    const stop = new AbortController();
    const outcome = new Outcome(
      process.lead(untilAborted, { signal: stop.signal, ...LEADER, ...options }),
    );
    return { stop, outcome };
  };
  return { simulation, cluster, clock, marks, inPod, holder, leading };
}

describe('the Pod of a leader', () => {
  test('is marked while the work lasts, and no longer before the Lease is released', async () => {
    const { simulation, cluster, clock, marks, inPod, holder, leading } = await scene();
    const [a, b] = [inPod('a'), inPod('b')];
    const first = leading(a);
    await clock.advance(1_000);
    leading(b);
    await clock.advance(5_000);
    expect([marks.now, marks.costOf('a')]).toEqual(['a', '100']);

    const wasMarked = new Set<boolean>();
    cluster.onChange(() => {
      if (holder() !== 'a') wasMarked.add(marks.now === 'a');
    });
    first.stop.abort(new Error('enough'));
    await clock.advance(5_000);
    expect(holder()).toBe('b');
    expect([...wasMarked]).toEqual([false]);
    expect(marks.changes).toEqual(['a', '', 'b']);
    expect([marks.costOf('a'), marks.costOf('b')]).toEqual([undefined, '100']);
    expect(simulation.warnings).toEqual([]);
    expect(a.remains).toEqual({ timers: 0, requests: 0 });
  });

  test('loses its label as soon as the work shall end, while it still holds the Lease', async () => {
    const { clock, marks, inPod, holder } = await scene();
    const drained = Promise.withResolvers<undefined>();
    const stop = new AbortController();
    void inPod('a').lead(() => drained.promise, { signal: stop.signal, ...LEADER });
    await clock.advance(1_000);
    expect(marks.now).toBe('a');
    stop.abort(new Error('enough'));
    await clock.advance(1_000);
    expect([marks.now, holder()]).toEqual(['', 'a']);
    drained.resolve(undefined);
    await clock.advance(1_000);
    expect(holder()).toBe('');
  });

  test('has the highest cost of the locks by which its process leads', async () => {
    const { clock, marks, inPod } = await scene();
    const process = inPod('a');
    const costs: (string | undefined)[] = [];
    const leads = async (lock: string, deletionCost: number) => {
      const stop = new AbortController();
      void process.lead(untilAborted, { signal: stop.signal, deletionCost }, lock);
      await clock.advance(1_000);
      costs.push(marks.costOf('a'));
      return async () => {
        stop.abort();
        await clock.advance(1_000);
        costs.push(marks.costOf('a'));
      };
    };
    const [first, second, third] = [await leads('x', 7), await leads('y', 9), await leads('z', 8)];
    await second();
    await third();
    await first();
    expect(costs).toEqual(['7', '9', '9', '8', '7', undefined]);
  });

  test('keeps its label while another elector of its process waits for the same Lease', async () => {
    const { clock, marks, inPod, leading } = await scene();
    const process = inPod('a');
    const first = leading(process);
    await clock.advance(1_000);
    leading(process, { identity: 'another' });
    await clock.advance(5_000);
    expect([marks.now, marks.costOf('a')]).toEqual(['a', '100']);
    first.stop.abort(new Error('enough'));
    await clock.advance(5_000);
    expect(marks.changes).toEqual(['a', '', 'a']);
  });

  test('keeps its label while its process begins to wait for another lock with it', async () => {
    const { clock, marks, inPod, leading } = await scene();
    void inPod('b').lead(untilAborted);
    const process = inPod('a');
    void process.lead(untilAborted, LEADER, 'other');
    await clock.advance(1_000);
    leading(process);
    await clock.advance(1_000);
    expect([marks.now, marks.costOf('a')]).toEqual(['a', '100']);
  });

  test('keeps its cost while its process waits for another lock', async () => {
    const { clock, marks, inPod, leading } = await scene();
    leading(inPod('b'));
    const process = inPod('a');
    void process.lead(untilAborted, { deletionCost: 7 }, 'other');
    await clock.advance(1_000);
    leading(process);
    await clock.advance(1_000);
    expect(marks.costOf('a')).toBe('7');
  });

  test('does not keep the Lease from being released, even with short durations', async () => {
    const { simulation, cluster, clock, inPod, holder, leading } = await scene();
    const durations = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 };
    const { stop, outcome } = leading(inPod('a'), durations);
    await clock.advance(1_000);
    cluster.faults.add({ ...PATCHES, hang: true });
    stop.abort(new Error('enough'));
    await clock.advance(1_500);
    expect([outcome.error, holder(), simulation.warnings]).toEqual([stop.signal.reason, '', []]);
  });

  test('is marked by an elector, too', async () => {
    const { clock, marks, inPod } = await scene();
    const stop = new AbortController();
    const outcome = new Outcome(
      inPod('a')
        .elector({ ...LEADER, releaseOnCancel: true })
        .run(stop.signal),
    );
    await clock.advance(1_000);
    expect(marks.now).toBe('a');
    stop.abort();
    await clock.advance(1_000);
    expect([marks.now, outcome.state]).toEqual(['', 'resolved']);
  });

  test('is read if the environment has no UID', async () => {
    const { clock, marks, inPod, leading } = await scene();
    const a = inPod('a');
    Reflect.deleteProperty(a.platform.environment.variables, 'POD_UID');
    leading(a);
    await clock.advance(1_000);
    expect(marks.now).toBe('a');
  });

  test('must be known: without POD_NAME there is an error', async () => {
    const { simulation, leading } = await scene();
    const { outcome } = leading(new LeaseProcess(simulation, 'a'));
    await expect(simulation.settled(outcome.promise)).rejects.toMatchObject({
      code: 'ERR_NO_POD_NAME',
      message: expect.stringMatching(/^POD_NAME does not say which Pod this is\./) as string,
    });
  });
});

describe('the mark of an earlier leader', () => {
  test('goes before the next leader is marked, if the earlier one is cut off', async () => {
    const { clock, marks, inPod, holder, leading } = await scene();
    const [a, b] = [inPod('a'), inPod('b')];
    leading(a);
    await clock.advance(1_000);
    leading(b);
    await clock.advance(1_000);
    a.line.cut();
    await clock.advance(20_000);
    expect(holder()).toBe('b');
    expect(marks.changes).toEqual(['a', '', 'b']);
    expect([marks.costOf('a'), marks.costOf('b')]).toEqual([undefined, '100']);
    a.line.mend();
    await clock.advance(60_000);
    expect(marks.changes).toEqual(['a', '', 'b']);
  });

  test('goes when a process in its Pod starts again, before anybody leads', async () => {
    const { cluster, clock, marks, inPod, leading } = await scene();
    const a = inPod('a');
    leading(a);
    await clock.advance(1_000);
    a.kill();
    leading(inPod('a'), { identity: 'a again' });
    await clock.advance(1_000);
    expect([marks.now, marks.costOf('a')]).toEqual(['', undefined]);
    await clock.advance(20_000);
    expect(cluster.getLease('lock')?.spec?.holderIdentity).toBe('a again');
    expect(marks.changes).toEqual(['a', '', 'a']);
  });

  test('is not taken from a Pod that leads by now, by one that stood still', async () => {
    const { cluster, clock, marks, inPod, holder, leading } = await scene();
    const [a, b] = [inPod('a'), inPod('b')];
    const first = leading(a);
    await clock.advance(1_000);
    a.line.cut();
    leading(b, { recampaign: true });
    // While the Pods with the label are being listed, the process stands still.
    cluster.faults.add({ user: 'b', verb: 'list', resource: 'pods', latencyMs: 100 });
    await clock.runUntil(() => holder() === 'b');
    b.stop();
    await clock.advance(500);
    a.line.mend();
    first.stop.abort(new Error('enough'));
    leading(inPod('a'), { identity: 'a again' });
    await clock.runUntil(() => holder() === 'a again');
    await clock.advance(1_000);
    const before = marks.now;
    const patches = cluster.requests.count({ ...PATCHES, user: 'b' });
    await b.continue({ readFirst: true });
    await clock.advance(5_000);
    expect(cluster.requests.count({ ...PATCHES, user: 'b' })).toBe(patches);
    expect([before, marks.now, holder()]).toEqual(['a', 'a', 'a again']);
  });
});

test('two Pods never have the label, whatever leaders do', async () => {
  const { clock, marks, cluster, inPod, leading } = await scene();
  const pods = ['a', 'b', 'c'].map((pod) => inPod(pod));
  const runs = pods.map((pod) => leading(pod, { recampaign: true }));
  cluster.faults.add({ ...PATCHES, probability: 0.3, error: { status: 503 } });
  cluster.faults.add({ ...PATCHES, latencyMs: [0, 4_000] });
  for (let turn = 0; turn < 60; turn += 1) {
    await clock.advance(20_000);
    const pod = pods[turn % 3];
    if (turn % 2 === 0) pod?.line.cut();
    else pods.forEach(({ line }) => line.mend());
  }
  pods.forEach(({ line }) => line.mend());
  await clock.advance(60_000);
  expect(marks.changes.length).toBeGreaterThan(10);
  expect(marks.changes.filter((names) => names.includes(','))).toEqual([]);
  expect(marks.now).toBe(cluster.getLease('lock')?.spec?.holderIdentity);
  for (const { stop } of runs) stop.abort();
});

test('without the right to patch Pods there is one warning with the Role, and it leads', async () => {
  const { simulation, cluster, clock, marks, inPod, holder, leading } = await scene();
  cluster.grant('a', [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] },
    { resources: ['pods'], verbs: ['get', 'list'] },
  ]);
  const { stop } = leading(inPod('a'));
  await clock.advance(60_000);
  expect([holder(), marks.now]).toEqual(['a', '']);
  stop.abort(new Error('enough'));
  await clock.advance(5_000);
  expect(holder()).toBe('');
  expect(simulation.codes).toEqual(['LEADER_FOR_LIFE_LABEL']);
  expect(simulation.warnings[0]?.message).toContain('cannot patch resource "pods"');
  expect(simulation.warnings[0]?.message).toContain('verbs: ["get", "list", "patch"]');
});
