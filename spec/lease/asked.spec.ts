import { describe, expect, test } from 'vitest';

import { electing, LEASES, leading, LOST, world } from './scene.ts';
import { Outcome, untilAborted } from './simulation.ts';

const STEP_DOWN = 'leader-for-life/step-down';
const ASKED = {
  code: 'ERR_STEPPED_DOWN',
  message: expect.stringContaining('the Lease asks it to'),
};

type World = Awaited<ReturnType<typeof world>>;

function ask({ cluster }: World, holder: string | null): void {
  const body = { metadata: { annotations: { [STEP_DOWN]: holder } } };
  const { status } = cluster.request(
    'PATCH',
    `${LEASES}/lock`,
    body,
    'application/merge-patch+json',
  );
  expect(status).toBe(200);
}

const asked = ({ cluster }: World) => cluster.getLease('lock')?.metadata.annotations;

describe('an annotation that names the holder', () => {
  test('ends the work, then releases the Lease, which no longer asks for it', async () => {
    const settle = Promise.withResolvers<undefined>();
    const scene = await leading({}, () => settle.promise);
    const { clock, leadership, holder, outcome } = scene;
    ask(scene, 'a');
    await clock.advance(100);
    expect(leadership.signal.reason).toMatchObject(ASKED);
    await clock.advance(5_000);
    expect([holder(), asked(scene)]).toEqual(['a', { [STEP_DOWN]: 'a' }]);
    settle.resolve(undefined);
    await clock.settle();
    expect([holder(), asked(scene)]).toEqual(['', undefined]);
    expect(outcome.error).toBe(leadership.signal.reason);
  });

  test('is seen by the next renewal if the watch shows nothing', async () => {
    const scene = await leading();
    scene.faults.add({ user: 'a', verb: 'watch', freeze: true });
    await scene.clock.advance(10_000);
    ask(scene, 'a');
    await scene.clock.advance(2_100);
    expect(scene.leadership.signal.reason).toMatchObject(ASKED);
  });

  test('is told as an event, once', async () => {
    const told: unknown[] = [];
    const onEvent = (event: { type: string }) => {
      if (event.type === 'stepping-down') told.push(event);
    };
    const scene = await leading({ onEvent, recampaign: true });
    ask(scene, 'a');
    await scene.clock.advance(60_000);
    expect(told).toMatchObject([{ reason: 'asked', level: 'info' }]);
    expect([scene.holder(), asked(scene)]).toEqual(['a', undefined]);
  });

  test('ends the run of an elector', async () => {
    const scene = await electing();
    ask(scene, 'a');
    await scene.clock.advance(100);
    expect([scene.outcome.state, scene.holder()]).toEqual(['resolved', '']);
  });

  test('that was written for the process before, under the same identity, is heeded, too', async () => {
    const scene = await world();
    const { clock, a, store } = scene;
    store({ holderIdentity: 'a', leaseDurationSeconds: 15 });
    ask(scene, 'a');
    const outcome = new Outcome(a.lead(untilAborted));
    await clock.advance(5_000);
    expect(outcome.error).toMatchObject(ASKED);
  });
});

describe('an annotation that names another one', () => {
  test.for(['b', 'A', 'a ', ''])('is ignored, and kept: %o', async (holder) => {
    const scene = await leading();
    ask(scene, holder);
    await scene.clock.advance(60_000);
    expect(scene.leadership.signal.aborted).toBe(false);
    expect(asked(scene)).toEqual({ [STEP_DOWN]: holder });
  });

  test('is removed when somebody takes the Lease, so it meets no later leader', async () => {
    const scene = await leading();
    const { clock, b, stop, holder } = scene;
    void b.lead(untilAborted);
    ask(scene, 'b');
    await clock.advance(5_000);
    stop.abort();
    await clock.advance(60_000);
    expect([holder(), asked(scene)]).toEqual(['b', undefined]);
  });

  test('is removed by a takeover after a crash', async () => {
    const scene = await leading();
    ask(scene, 'b');
    void scene.b.lead(untilAborted);
    scene.a.kill();
    await scene.clock.advance(60_000);
    expect([scene.holder(), asked(scene)]).toEqual(['b', undefined]);
  });
});

describe("a preferred holder, as client-go's coordinated election writes it", () => {
  const spec = { strategy: 'OldestEmulationVersion', preferredHolder: 'b' };

  test('makes another holder hand over; the release still names it, the next holder does not', async () => {
    const scene = await leading();
    const { clock, leadership, patch } = scene;
    patch(spec);
    await clock.advance(100);
    expect(leadership.signal.reason).toMatchObject(ASKED);
    expect(scene.spec()).toMatchObject({ holderIdentity: '', ...spec });
    void scene.b.lead(untilAborted);
    await clock.advance(60_000);
    expect(scene.spec()).toMatchObject({ holderIdentity: 'b', strategy: spec.strategy });
    expect(scene.spec()).not.toHaveProperty('preferredHolder');
  });

  test.for(['a', ''])('changes nothing for %o', async (preferredHolder) => {
    const { clock, leadership, patch } = await leading();
    patch({ ...spec, preferredHolder });
    await clock.advance(60_000);
    expect(leadership.signal.aborted).toBe(false);
  });

  test('who never comes costs one handover', async () => {
    const scene = await leading({ recampaign: true });
    scene.patch({ ...spec, preferredHolder: 'nobody' });
    await scene.clock.advance(60_000);
    expect(scene.holder()).toBe('a');
    expect(scene.spec()).toMatchObject({ leaseTransitions: 1 });
  });
});

test('a leader that has lost the Lease is not asked', async () => {
  const scene = await leading();
  scene.patch({
    holderIdentity: 'thief',
    leaseTransitions: 7,
    preferredHolder: 'b',
    strategy: 'x',
  });
  await scene.clock.advance(100);
  expect(scene.leadership.signal.reason).toMatchObject(LOST);
});

test('the annotation is not an option', async () => {
  const { a } = await world();
  const annotations = { [STEP_DOWN]: 'a' };
  const message = /options\.annotations key must be one that this library does not set itself/;
  await expect(a.lead(untilAborted, { annotations })).rejects.toThrow(message);
  expect(() => a.elector({}, { annotations })).toThrow(message);
});
