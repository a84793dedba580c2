import { describe, expect, it } from 'vitest';
import { parseRegression } from './regression.ts';
import type { Mode, Schedule } from './schedule.ts';
import { type Story, storyOf } from './story.ts';
import { timeline } from './timeline.ts';
import type { World } from './world.ts';

/** The lines of its slots and of its events, as a regression has them. */
function scheduleOf(mode: Mode, ...lines: readonly string[]): Schedule {
  const setting = '{"troubleMs":60000,"latencyMs":[0,0]}';
  return parseRegression(['', `${mode} 7 ${setting}`, ...lines].join('\n')).schedule;
}

const LIFE = 'life {"restartMs":60000}';

const text = (story: Story) => `\n${timeline(story).join('\n')}\n`;

/** At that time, the process in the second slot says that it leads, whoever does. */
function liar(atMs: number): (world: World) => void {
  return (world) => {
    world.later(atMs, () => {
      const who = world.slot(1).candidate;
      if (!who) throw new Error('there is nobody who could lie');
      for (const belief of ['isValid', 'mayLead']) {
        Object.defineProperty(who, belief, { get: () => true });
      }
      world.tellAll({ type: 'leads', who, token: '1000' });
    });
  };
}

const STARTS = ['0 start {"slot":0}', '1000 start {"slot":1}'];

describe('a timeline', () => {
  it('puts what somebody did where he is, in the order in which it happened', () => {
    const lanes = ['leads', 'still'] as const;
    const story: Story = {
      schedule: scheduleOf(
        'life',
        'life {"restartMs":60000,"guard":true,"clock":{"rate":1.25,"startMs":0,"wallOffsetMs":0}}',
        'life {"restartMs":60000,"uid":"asked"}',
        LIFE,
      ),
      cast: [
        { name: 'a1', slot: 0, podName: 'pod-0', leadsSinceMs: 1_500 },
        { name: 'b1', slot: 1, podName: 'pod-1', leadsSinceMs: undefined },
      ],
      moments: [
        { atMs: 0, column: 'world', text: 'pod-0 shall ask to lead', lanes: ['absent', 'absent'] },
        { atMs: 0, column: 0, text: 'a1 begins', lanes: ['alive', 'absent'] },
        { atMs: 0, column: 1, text: 'b1 begins', lanes: ['alive', 'alive'] },
        { atMs: 1_500, column: 0, text: 'LEADS, token 12', lanes: ['leads', 'alive'] },
        { atMs: 1_500, column: 'world', text: 'pod-1 is stopped for 9 s', lanes },
        { atMs: undefined, column: 0, text: '12 reads', lanes },
        { atMs: 2_000, column: 'world', text: 'healing', lanes, isAcross: true },
        {
          atMs: 2_000,
          column: 'cluster',
          text: `lock: ${'a Pod with a long name and '.repeat(12)}`,
          lanes,
        },
      ],
      violations: [
        { check: 'patience', atMs: 2_500, text: 'b1 has waited 0.30000000000000004 ms' },
        { check: 'patience', atMs: 2_600, text: 'b1 has waited 0.3000000000000001 ms' },
      ],
    };
    expect(text(story)).toMatchInlineSnapshot(`
      "
      VIOLATION at +2.500s, after everything was mended: b1 has waited 0.300 ms (check "patience")
        b1 (pod-1) does not lead

      Setting: life mode, seed 7; requests take no time; trouble lasts 60 s, then everything is mended.
        a: pod-0, life, clock × 1.25, guard, starts again after 60 s
        b: pod-1, life, asks for its UID, starts again after 60 s

                  world                     a: pod-0           b: pod-1     cluster
      ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
         +0.000s  pod-0 shall ask to lead   │ a1 begins        │ b1 begins
         +1.500s  pod-1 is stopped for 9 s  ┃ LEADS, token 12  ┊
               ⋮                            ┃ 12 reads         ┊
         +2.000s  ── healing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
                                            ┃                  ┊            lock: a Pod with a long name and a Pod with a long name and a Pod with
                                            ┃                  ┊            a long name and a Pod with a long name and a Pod with a long name and
                                            ┃                  ┊            a Pod with a long name and a Pod with a long name and a Pod with a
                                            ┃                  ┊            long name and a Pod with a long name and a Pod with a long name and a…
      violated ▶  +2.500s  b1 has waited 0.300 ms
      (│ is there, ┃ leads, ┊ ┇ stands still; ⋮ in the meantime; → asks, ← is answered, @ version, # transitions)
      "
    `);
  });

  it('is no wider than a wide terminal', () => {
    const lanes = ['alive', 'alive', 'alive', 'alive'] as const;
    const words = 'somebody does something that takes many words to tell';
    const columns = ['world', 0, 1, 2, 3, 'cluster'] as const;
    const story: Story = {
      schedule: scheduleOf('life', LIFE, LIFE, LIFE, LIFE),
      cast: [],
      moments: columns.map((column) => ({ atMs: 1, column, text: words, lanes })),
      violations: [],
    };
    const widths = timeline(story).map((line) => line.length);
    expect(Math.max(...widths.slice(-7))).toBeLessThanOrEqual(140);
  });

  it('shows how a life has two leaders', async () => {
    const stopped = '5000 stop {"slot":0,"forMs":3000,"offsetMs":0}';
    const schedule = scheduleOf('life', LIFE, LIFE, ...STARTS, stopped);
    const story = await storyOf(schedule, liar(6_000));
    expect(story.violations.map(({ check }) => check)).toContain('LIFE-1: one leader');
    expect(text(story)).toMatchInlineSnapshot(`
      "
      VIOLATION at +6.000s, in the trouble: b1 leads, and so does a1 (check "LIFE-1: one leader")
        a1 (pod-0) leads since +0.000s; b1 (pod-1) leads since +6.000s
      VIOLATION at +6.000s, in the trouble: b1 leads, but the lock names pod-0 (check "LIFE-2: on record")
        b1 (pod-1) leads since +6.000s

      Setting: life mode, seed 7; requests take no time; trouble lasts 60 s, then everything is mended.
        a: pod-0, life, starts again after 60 s
        b: pod-1, life, starts again after 60 s

                  world                                    a: pod-0                   b: pod-1                               cluster
      ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
         +0.000s  pod-0 shall ask to lead                  │ a1 begins, asks to lead
                                                           │ → create: done                                                  lock: pod-0 @11
                                                           ┃ 1 read; LEADS, token 11
         +1.000s  pod-1 shall ask to lead                  ┃                          │ b1 begins, asks to lead
                                                           ┃                          │ → create: 409
                                                           ┃                          │ 1 read, 1 watch; reads: pod-0 @11
         +5.000s  the process of pod-0 is stopped for 3 s  ┇ stands still             │
         +6.000s                                           ┇                          ┃ 1 watch, 2 reads; LEADS, token 1000
      violated ▶  +6.000s  b1 leads, and so does a1
      violated ▶  +6.000s  b1 leads, but the lock names pod-0
      (│ is there, ┃ leads, ┊ ┇ stands still; ⋮ in the meantime; → asks, ← is answered, @ version, # transitions)
      "
    `);
    expect(timeline(await storyOf(schedule, liar(6_000)))).toEqual(timeline(story));
  });

  it('shows how a Lease has two leaders', async () => {
    const schedule = scheduleOf(
      'lease',
      'lease {"restartMs":60000}',
      'lease {"restartMs":60000,"recampaign":true,"clock":{"rate":1.1,"startMs":0,"wallOffsetMs":0}}',
      ...STARTS,
      '15000 cut elector off {"slot":"leader","cut":"answers","forMs":3000}',
    );
    const story = await storyOf(schedule, liar(20_000));
    expect(story.violations.map(({ check }) => check)).toContain('LEASE-1: one elector leads');
    expect(text(story)).toMatchInlineSnapshot(`
      "
      VIOLATION at +20.000s, in the trouble: a1 and b1 lead at the same time (check "LEASE-1: one elector leads")
        a1 (pod-0) leads since +0.000s; b1 (pod-1) leads since +20.000s
      VIOLATION at +20.000s, in the trouble: b1's token is 1000, not none (check "tokens are of writes")
        b1 (pod-1) leads since +20.000s
      VIOLATION at +20.000s, in the trouble: b1's signal has not aborted Infinity ms after its time (check "terms are proven")
        b1 (pod-1) leads since +20.000s

      Setting: lease mode, seed 7; requests take no time; trouble lasts 60 s, then everything is mended.
        a: pod-0, lease, lease 15 s, renewed within 10 s, tries every 2 s, starts again after 60 s
        b: pod-1, lease, lease 15 s, renewed within 10 s, tries every 2 s, clock × 1.1, recampaigns, starts again after 60 s

                  world                            a: pod-0                         b: pod-1                         cluster
      ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
         +0.000s  pod-0 shall ask to lead          │ a1 begins, asks to lead
                                                   │ 1 watch; reads: no lock
                                                   │ → create: done                                                  Lease: a1 (15 s, #0) @7
                                                   ┃ LEADS, token 7
         +1.000s  pod-1 shall ask to lead          ┃                                │ b1 begins, asks to lead
                                                   ┃                                │ 1 watch; reads: a1 (15 s, #0)
        +15.000s  the leader (a1) is cut off       ┃                                │
                  (answers) for 3 s                ┃                                │
        +20.000s                                   ┃                                ┃ 1 read; LEADS, token 1000
               ⋮                                   ┃ 8 renewals (last at +18.000s)  ┃                                8 renewals (last at +16.118s)
      violated ▶  +20.000s  a1 and b1 lead at the same time
      violated ▶  +20.000s  b1's token is 1000, not none
      violated ▶  +20.000s  b1's signal has not aborted Infinity ms after its time
      (│ is there, ┃ leads, ┊ ┇ stands still; ⋮ in the meantime; → asks, ← is answered, @ version, # transitions)
      "
    `);
    expect(timeline(await storyOf(schedule, liar(20_000)))).toEqual(timeline(story));
  });
});
