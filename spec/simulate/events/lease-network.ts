import type { FaultRule } from '../../../lib/testing/index.ts';
import { anySlot, duration, events, slotOrLeader } from '../draw.ts';
import type { Family } from '../family.ts';
import { LeaseProcess } from '../lease-process.ts';
import type { Mishap } from '../line.ts';
import type { Luck } from '../luck.ts';
import type { Event, Setting } from '../schedule.ts';
import type { World } from '../world.ts';
import { cuts, words } from './network.ts';
import { targetName, targetOf } from './target.ts';

const VERBS = ['get', 'create', 'update', 'watch'];

function candidateOf(world: World, event: Event): LeaseProcess | undefined {
  const { candidate } = world.slot(targetOf(world, event));
  return candidate instanceof LeaseProcess ? candidate : undefined;
}

export const electorCuts = cuts('elector cuts', 'cut elector off', 4, 40_000);

function drawMishap(luck: Luck): Mishap {
  const ms = duration(luck, 20_000, 1);
  const what = luck.pick<Partial<Mishap>>([
    { lateMs: ms },
    { lateMs: ms },
    { answerMs: ms },
    { againMs: ms },
    { againMs: ms, lateMs: duration(luck, 20_000, 1) },
    { lost: 'broken' },
    { lost: 'silent' },
    { verb: 'watch', deaf: true },
  ]);
  const verb = luck.chance(0.8) && luck.pick(['get', 'create', 'update', 'update']);
  return {
    resource: 'leases',
    probability: luck.pick([0.2, 0.5, 1]),
    ...(verb && { verb }),
    ...what,
  };
}

/** Requests arrive late, or twice; answers late, or never; watches fall silent. */
export const electorMishaps: Family = {
  name: 'elector mishaps',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 5), () => ({
      what: 'elector has a bad line',
      slot: slotOrLeader(luck, setting),
      mishap: drawMishap(luck),
      forMs: duration(luck, 60_000, 1),
    })),
  kinds: {
    'elector has a bad line': {
      act: (world, event) => {
        const line = candidateOf(world, event)?.process.line;
        if (!line) return;
        const mishap = event['mishap'] as Mishap;
        line.mishaps = [...line.mishaps, mishap];
        world.later(Number(event['forMs']), () => {
          line.mishaps = line.mishaps.filter((other) => other !== mishap);
        });
      },
      tell: (event) =>
        `${targetName(event)} has a bad line for ${String(event['forMs'])} ms: ` +
        words(event['mishap']),
    },
  },
};

function drawRule(luck: Luck, setting: Setting): FaultRule {
  const drawn = luck.pick(['before', 'after'] as const);
  const status = luck.pick([401, 408, 429, 500, 503, 504]);
  // Who is told that he is unknown, or one of too many, has changed nothing.
  const isClear = status === 401 || status === 429;
  const when = isClear ? 'before' : drawn;
  const effect = luck.pick<FaultRule>([
    { reset: true, when: drawn },
    { hang: true, when: drawn },
    { error: { status, ...(luck.chance(0.3) && { retryAfterSeconds: luck.integer(0, 5) }) }, when },
    { error: { status }, when },
    { verb: 'update', error: { status: 409 } },
    { latencyMs: duration(luck, 9_000, 1) },
    { freeze: true },
    { cutAfterEvents: luck.integer(0, 3) },
    { duplicate: true },
    { reorder: true },
    { eventDelayMs: duration(luck, 20_000, 1) },
    { verb: 'watch', error: { status: luck.pick([403, 410, 429, 500]) } },
  ]);
  const verb = luck.chance(0.7) && luck.pick(VERBS);
  const rule = {
    resource: 'leases',
    ...(luck.chance(0.5) ? { user: `pod-${anySlot(luck, setting)}` } : {}),
    ...(verb ? { verb } : {}),
    ...(luck.chance(0.5) && { times: luck.integer(1, 5) }),
    ...(luck.chance(0.5) && { probability: luck.pick([0.2, 0.5, 0.8]) }),
    ...effect,
  };
  return rule as FaultRule;
}

/** The API server answers errors, late, or nothing; watches show too much or too little. */
export const leaseFaults: Family = {
  name: 'lease faults',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 5), () => ({
      what: 'break leases',
      rule: drawRule(luck, setting),
      forMs: duration(luck, 60_000, 1),
    })),
  kinds: {
    'break leases': {
      act: (world, event) => {
        const fault = world.cluster.faults.add(event['rule'] as FaultRule);
        world.later(Number(event['forMs']), () => {
          fault.remove();
        });
      },
      tell: (event) =>
        `the API server misbehaves for ${String(event['forMs'])} ms: ${words(event['rule'])}`,
    },
  },
};

/** All connections break at once, or one's token is no longer known. */
export const leaseInterruptions: Family = {
  name: 'lease interruptions',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: luck.pick(['end watches', 'end watches', 'expire elector token']),
      slot: slotOrLeader(luck, setting),
      cleanly: luck.chance(0.5),
      forMs: duration(luck, 15_000, 1),
    })),
  kinds: {
    'end watches': {
      act: (world, event) => {
        world.cluster.faults.cutWatches({}, { cleanly: event['cleanly'] === true });
      },
      tell: () => 'every watch ends',
    },
    'expire elector token': {
      act: (world, event) => {
        const candidate = candidateOf(world, event);
        if (!candidate) return;
        const { process, podName } = candidate;
        world.cluster.expireToken(podName);
        world.later(Number(event['forMs']), () => {
          process.token = world.cluster.token(podName);
        });
      },
      tell: (event) =>
        `the token of ${targetName(event)} is unknown for ${String(event['forMs'])} ms`,
    },
  },
};
