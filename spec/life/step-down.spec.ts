import { describe, expect, test } from 'vitest';

import type { ElectionEvent } from '../../lib/events/event.ts';
import { Outcome } from '../lease/simulation.ts';
import { LOCK_PATH, Simulation } from './simulation.ts';

const STEPPED_DOWN = { code: 'ERR_STEPPED_DOWN' };

/** A process in Pod `a` that leads. */
async function leading() {
  const simulation = await Simulation.withPods();
  const process = simulation.process('a');
  const events: ElectionEvent[] = [];
  const onEvent = (event: ElectionEvent) => events.push(event);
  const leadership = await simulation.settled(process.become({ onEvent }));
  return { simulation, clock: simulation.clock, process, leadership, events, onEvent };
}

describe('stepDown', () => {
  test('aborts the signal, releases the lock and says so', async () => {
    const { simulation, leadership, events } = await leading();
    await simulation.settled(leadership.stepDown());
    expect(leadership.signal.reason).toMatchObject({
      ...STEPPED_DOWN,
      message: 'Pod a hands over lock: stepDown() was called.',
    });
    expect(simulation.lock).toBeUndefined();
    expect(events.slice(-3)).toMatchObject([
      { type: 'stepping-down', reason: 'called', level: 'info' },
      { type: 'released' },
      { type: 'ended' },
    ]);
  });

  test('keeps the next call of this process out for two seconds', async () => {
    const { simulation, process, leadership } = await leading();
    await simulation.settled(leadership.stepDown());
    const again = simulation.settled(process.become());
    expect((await again).waitedMs).toBe(2_000);
  });

  test('lets another Pod lead at once, and this one when that has released', async () => {
    const { simulation, clock, process, leadership, onEvent, events } = await leading();
    const other = simulation.become('b');
    await clock.advance(5_000);
    const stepped = simulation.settled(leadership.stepDown());
    const again = new Outcome(process.become({ onEvent }));
    await stepped;
    const next = await simulation.settled(other);
    await clock.advance(500);
    expect([simulation.holder, again.isPending]).toEqual(['b', true]);
    await simulation.settled(next.release());
    await simulation.settled(again.promise, 500);
    expect(simulation.holder).toBe('a');
    expect(events.filter(({ type }) => type === 'waiting').at(-1)).not.toMatchObject({
      reason: 'stepped-down',
    });
  });

  test('says why the next call waits', async () => {
    const { simulation, clock, process, leadership, onEvent, events } = await leading();
    await simulation.settled(leadership.stepDown());
    void process.become({ onEvent });
    await clock.advance(1_000);
    expect(events.at(-1)).toMatchObject({ type: 'waiting', reason: 'stepped-down', leader: '' });
  });

  test('keeps out a call that first has to learn the UID of its Pod', async () => {
    const { simulation, process, leadership } = await leading();
    await simulation.settled(leadership.stepDown());
    const again = simulation.settled(process.become({ podUid: undefined }));
    expect((await again).waitedMs).toBe(2_000);
  });

  test('may be called after release, and again', async () => {
    const { simulation, process, leadership } = await leading();
    await simulation.settled(leadership.release());
    await simulation.settled(leadership.stepDown());
    await simulation.settled(leadership.stepDown());
    expect(leadership.signal.reason).toMatchObject({ code: 'ERR_RELEASED' });
    const again = await simulation.settled(process.become());
    expect(again.waitedMs).toBeLessThan(100);
  });

  test('can be tried again if the release fails', async () => {
    const { simulation, leadership, events } = await leading();
    const fault = simulation.fault({ verb: 'delete', error: { status: 503 } });
    const failed = new Outcome(leadership.stepDown());
    await simulation.clock.advance(60_000);
    expect(failed.error).toMatchObject({ code: 'ERR_RELEASE_FAILED' });
    fault.remove();
    await simulation.settled(leadership.stepDown());
    expect(simulation.lock).toBeUndefined();
    const types = events.map(({ type }) => type);
    expect(types.slice(-3)).toEqual(['stepping-down', 'released', 'ended']);
  });

  test('after a loss tells nothing more, and keeps no call out', async () => {
    const simulation = await Simulation.withPods();
    const process = simulation.process('a');
    const types: string[] = [];
    const onEvent = ({ type }: ElectionEvent) => types.push(type);
    const leadership = await simulation.settled(process.become({ guard: true, onEvent }));
    await simulation.clock.advance(1_000);
    simulation.cluster.deleteConfigMap('lock');
    await simulation.clock.advance(1_000);
    await simulation.settled(leadership.stepDown());
    expect(types.slice(-2)).toEqual(['lost', 'ended']);
    const again = await simulation.settled(process.become());
    expect(again.waitedMs).toBeLessThan(100);
  });

  test('ends a leadership without an election', async () => {
    const { simulation, process } = await leading();
    const skipped = await simulation.settled(process.become({ enabled: false }));
    await skipped.stepDown();
    expect(skipped.signal.reason).toMatchObject(STEPPED_DOWN);
  });
});

describe('an annotation of the lock', () => {
  const STEP_DOWN = 'leader-for-life/step-down';

  async function guarded(guard = true) {
    const simulation = await Simulation.withPods();
    const events: ElectionEvent[] = [];
    const onEvent = (event: ElectionEvent) => events.push(event);
    const process = simulation.process('a');
    const leadership = await simulation.settled(process.become({ guard, onEvent }));
    await simulation.clock.advance(1_000);
    const ask = async (holder: string) => {
      const body = { metadata: { annotations: { [STEP_DOWN]: holder } } };
      simulation.cluster.request('PATCH', LOCK_PATH, body, 'application/merge-patch+json');
      await simulation.clock.advance(1_000);
    };
    return { simulation, process, leadership, events, ask };
  }

  test('aborts the signal of a guarded holder, which keeps the lock until it releases', async () => {
    const { simulation, process, leadership, events, ask } = await guarded();
    const other = simulation.become('b');
    await ask('a');
    expect(leadership.signal.reason).toMatchObject({
      ...STEPPED_DOWN,
      message:
        'Pod a hands over lock: the lock asks it to. Stop what only a leader may do, then call release().',
    });
    await simulation.clock.advance(3_600_000);
    expect(simulation.holder).toBe('a');
    await simulation.settled(leadership.release());
    await simulation.settled(other);
    expect(events.filter(({ type }) => ['stepping-down', 'released'].includes(type))).toMatchObject(
      [{ type: 'stepping-down', reason: 'asked' }, { type: 'released' }],
    );
    expect(process.isAlive).toBe(true);
  });

  test('keeps the holder out of the next round, as stepDown does', async () => {
    const { simulation, process, leadership, ask } = await guarded();
    await ask('a');
    await simulation.settled(leadership.release());
    expect((await simulation.settled(process.become())).waitedMs).toBe(2_000);
  });

  test('is noticed by polls, too', async () => {
    const simulation = await Simulation.withPods();
    simulation.fault({ verb: 'watch', error: { status: 403 } });
    const leadership = await simulation.lead('a', { guard: true });
    const body = { metadata: { annotations: { [STEP_DOWN]: 'a' } } };
    simulation.cluster.request('PATCH', LOCK_PATH, body, 'application/merge-patch+json');
    await simulation.clock.advance(20_000);
    expect(leadership.signal.reason).toMatchObject(STEPPED_DOWN);
  });

  test.for(['b', 'A', ''])('that names %o is ignored', async (holder) => {
    const { leadership, ask } = await guarded();
    await ask(holder);
    expect(leadership.signal.aborted).toBe(false);
  });

  test('is not seen without a guard', async () => {
    const { leadership, ask } = await guarded(false);
    await ask('a');
    expect(leadership.signal.aborted).toBe(false);
  });

  test('is followed by a loss if somebody takes the lock meanwhile', async () => {
    const { simulation, events, ask } = await guarded();
    await ask('a');
    simulation.cluster.deleteConfigMap('lock');
    await simulation.clock.advance(1_000);
    const types = events.map(({ type }) => type);
    expect(types.slice(-3)).toEqual(['stepping-down', 'lost', 'ended']);
  });

  test('is not an option', async () => {
    const { process } = await guarded();
    const annotations = { [STEP_DOWN]: 'a' };
    await expect(process.become({ annotations })).rejects.toThrow(
      /options\.annotations key must be/,
    );
  });
});
