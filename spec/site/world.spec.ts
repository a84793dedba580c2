import { describe, expect, it } from 'vitest';
import { read, rulesOf, written, type Schedule } from '../../site/playground/schedule.ts';
import { SCENES } from '../../site/playground/scenes.ts';
import { Show } from '../../site/playground/show.ts';
import { verdictOf } from '../../site/playground/verdict.ts';
import { World } from '../../site/playground/world.ts';

/** A show at that moment, advanced in steps. */
async function shown(fragment: string, untilMs: number, stepMs: number): Promise<Show> {
  const show = await Show.open(fragment);
  while (show.nowMs < untilMs) await show.advance(Math.min(stepMs, untilMs - show.nowMs));
  return show;
}

function facts(show: Show) {
  return show.worlds.map((world) => ({
    requests: world.requests(1_000),
    segments: [...world.ledger.segments],
    verdict: verdictOf(world),
  }));
}

describe('a schedule', () => {
  const schedule: Schedule = {
    setting: { mode: 'lease', pods: 5, seed: 42, compared: true },
    scene: undefined,
    actions: [
      { atMs: 10, what: 'gc' },
      { atMs: 1_200, what: 'delete-foreground', pod: 'pod-12' },
      { atMs: 1_200, what: 'stop', pod: 'leader' },
    ],
  };

  it('is what its link says', () => {
    expect(read(`#${written(schedule)}`)).toEqual(schedule);
  });

  it('leaves out what is not understood', () => {
    const { setting, actions } = read(
      'mode=x&pods=99&seed=-1&do=5.explode.pod-1_x.gc_7.gc_8.stop.y',
    );
    expect(setting).toEqual({ mode: 'life', pods: 3, seed: 1, compared: false });
    expect(actions).toEqual([{ atMs: 7, what: 'gc' }]);
  });
});

describe('a run', () => {
  it('is the same whenever its link is opened, and however fast it is watched', async () => {
    const live = await Show.open('mode=lease&pods=4&seed=5&compared');
    await live.advance(4_321);
    await live.toPod('cut', 'pod-1');
    await live.advance(30_000);
    await live.toWorld('lock');
    await live.advance(5_679);
    const again = await shown(live.link, live.nowMs, 17);
    expect(facts(again)).toEqual(facts(live));
    const fast = await shown(live.link, live.nowMs, 10_000);
    expect(facts(fast)).toEqual(facts(live));
    for (const show of [live, again, fast]) await show.close();
  });

  it('differs with the seed', async () => {
    const [one, other] = await Promise.all([1, 2].map((seed) => shown(`seed=${seed}`, 5_000, 500)));
    expect(one?.worlds[0]?.lock).toBeDefined();
    expect(one?.worlds[0]?.lock).not.toEqual(other?.worlds[0]?.lock);
    for (const show of [one, other]) await show?.close();
  });
});

describe('a Pod whose program has not begun', () => {
  it.each([
    ['0.kill.pod-1', 'pod-1', 'gone'],
    ['100.delete.pod-2', 'pod-2', 'gone'],
    ['0.evict.pod-1', 'pod-1', 'evicted'],
  ])('ends by %s, and the others go on', async (action, name, state) => {
    const show = await shown(`do=${action}`, 5_000, 100);
    const [world] = show.worlds;
    const replica = world?.replicas.find((each) => each.name === name);
    expect([replica?.state, replica?.marks, replica?.isLeading]).toEqual([state, [], false]);
    expect(world?.requests(1_000).filter(({ user }) => user === name)).toEqual([]);
    expect(world?.leader?.name).not.toBe(name);
    expect(world?.replicas.filter(({ isCurrent }) => isCurrent)).toHaveLength(3);
    await show.close();
  });
});

describe('a Pod that is made while all nodes are lost', () => {
  it('is cut off, until its node is back', async () => {
    const lost = ['pod-1', 'pod-2', 'pod-3'].map((pod) => `2000.node.${pod}`);
    const show = await shown(`do=${lost.join('_')}_3000.kill.pod-1`, 8_000, 500);
    const [world] = show.worlds;
    const made = world?.replicas.find(({ name }) => name === 'pod-4');
    expect([made?.state, made?.isCutOff]).toEqual(['waits', true]);
    expect(world?.requests(1_000).filter(({ user }) => user === 'pod-4')).toEqual([]);
    await show.toWorld('heal');
    expect(made?.isCutOff).toBe(false);
    await show.close();
  });
});

describe.each(Object.entries(SCENES))('the scene %s', (id, { setting, endMs }) => {
  it('keeps the promise by our rules', async () => {
    const show = await shown(`scene=${id}`, endMs, 1_000);
    const [ours, theirs] = show.worlds.map(verdictOf);
    expect(show.worlds.map(({ rules }) => rules)).toEqual(Object.values(rulesOf(setting.mode)));
    expect(ours?.holds).toBe(true);
    // A rolling update goes well with every library.
    expect(theirs?.holds).toBe(id === 'rolling');
    expect(show.hasEnded).toBe(true);
    await show.close();
  });
});

describe('a scene', () => {
  it('stops at its end, however fast it plays, and can go on from there', async () => {
    const show = await Show.open('scene=rolling');
    await show.advance(1_000_000);
    expect(show.nowMs).toBe(SCENES['rolling']?.endMs);
    await show.advance(1_000);
    expect(show.nowMs).toBe((SCENES['rolling']?.endMs ?? 0) + 1_000);
    await show.close();
  });
});

describe('what a caption says is what happens', () => {
  it('a stopped leader of client-go works on for 10 s beside the next one', async () => {
    const show = await shown('scene=stopped', 40_000, 1_000);
    const [ours, theirs] = show.worlds;
    expect(ours?.ledger.overlapMs).toBe(0);
    expect(theirs?.ledger.overlapMs).toBeGreaterThan(9_000);
    expect(theirs?.ledger.overlapMs).toBeLessThan(12_000);
    await show.close();
  });

  it('a rolling update hands over within milliseconds, and by polling within seconds', async () => {
    const show = await shown('scene=rolling', 20_000, 1_000);
    const [ours, theirs] = show.worlds;
    expect(ours?.ledger.longestGapMs).toBeLessThan(200);
    expect(theirs?.ledger.longestGapMs).toBeGreaterThan(500);
    await show.close();
  });

  it('two leaders are noticed', async () => {
    const world = await World.create(read('').setting, 'operator-lib');
    await world.advanceTo(2_000);
    await world.apply({ atMs: 2_000, what: 'lock' });
    await world.advanceTo(20_000);
    expect(verdictOf(world).text).toMatch(/^pod-1 and pod-\d led together for .*deleted the lock/);
    await world.close();
  });
});
