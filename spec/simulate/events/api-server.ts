import type { Fault, FaultRule } from '../../../lib/testing/index.ts';
import { anySlot, duration, events } from '../draw.ts';
import type { Family } from '../family.ts';
import { LifeCandidate } from '../life-candidate.ts';
import type { Luck } from '../luck.ts';
import { words } from './network.ts';
import { targetName, targetOf } from './target.ts';

/** An answer that tells who gets it to come back later, or that something is broken. */
function drawError(luck: Luck) {
  const status = luck.pick([401, 408, 429, 500, 500, 503, 504]);
  return { status, ...(status === 429 && { retryAfterSeconds: luck.integer(1, 20) }) };
}

function drawRefusal(luck: Luck): FaultRule {
  const verb = luck.pick(['create', 'create', 'delete', 'get', undefined] as const);
  const error = drawError(luck);
  // Who is told that he is unknown, or one of too many, has changed nothing.
  const isClear = error.status === 401 || error.status === 429;
  const when = luck.pick(['before', 'after'] as const);
  return {
    ...(verb !== undefined && { verb }),
    ...luck.pick([
      { error, when: isClear ? ('before' as const) : when },
      { hang: true, when },
      { reset: true, when },
    ]),
    ...(luck.chance(0.5) && { times: luck.integer(1, 3) }),
    ...(luck.chance(0.3) && { probability: 0.5 }),
  };
}

function drawWatchTrouble(luck: Luck): FaultRule {
  return luck.pick<FaultRule>([
    { verb: 'watch', freeze: true },
    { verb: 'watch', cutAfterEvents: luck.integer(0, 3) },
    { verb: 'watch', duplicate: true },
    { verb: 'watch', reorder: true },
    { verb: 'watch', eventDelayMs: duration(luck, 10_000, 1) },
    { verb: 'watch', error: { status: luck.pick([410, 429, 500, 503]) } },
    // What a list shows may come from a cache; what is read by name never does.
    { verb: 'list', staleBy: luck.integer(1, 5) },
  ]);
}

const rule: Family['kinds'] = {
  trouble: {
    act: (world, event) => {
      const { slot } = event;
      const user = slot === 'everybody' ? {} : { user: world.slot(targetOf(world, event)).podName };
      const fault: Fault = world.cluster.faults.add({ ...(event['rule'] as FaultRule), ...user });
      world.later(Number(event['forMs']), () => {
        fault.remove();
      });
    },
    tell: (event) => {
      const whom = event['slot'] === 'everybody' ? 'everybody' : targetName(event);
      return `for ${String(event['forMs'])} ms the API server has for ${whom}: ${words(event['rule'])}`;
    },
  },
};

/** Answers that are errors, before or after a write took effect; answers that do not come. */
export const refusals: Family = {
  name: 'refusals',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: 'trouble',
      slot: luck.chance(0.3) ? 'everybody' : anySlot(luck, setting),
      rule: drawRefusal(luck),
      forMs: duration(luck, 30_000, 1),
    })),
  kinds: rule,
};

/** Watches that are silent, late, out of order, cut, refused. */
export const watches: Family = {
  name: 'watches',
  draw: (luck, setting) => [
    ...events(luck, setting, luck.integer(1, 4), () => ({
      what: 'trouble',
      slot: luck.chance(0.4) ? 'everybody' : anySlot(luck, setting),
      rule: drawWatchTrouble(luck),
      forMs: duration(luck, 60_000, 1),
    })),
    ...events(luck, setting, luck.integer(0, 3), () => ({
      what: luck.pick([
        'cut watches',
        'close watches',
        'refuse watches',
        'compact',
        'restart API server',
      ]),
      forMs: duration(luck, 9_000, 1),
      status: luck.pick([410, 410, 429, 500, 503]),
    })),
  ],
  kinds: {
    ...rule,
    'cut watches': {
      act: (world) => {
        world.cluster.faults.cutWatches();
      },
      tell: () => 'all watches are cut',
    },
    'close watches': {
      act: (world) => {
        world.cluster.faults.cutWatches({}, { cleanly: true });
      },
      tell: () => 'all watches are closed in good order',
    },
    'refuse watches': {
      act: (world, event) => {
        const { faults } = world.cluster;
        const refusal = faults.add({ verb: 'watch', error: { status: Number(event['status']) } });
        faults.cutWatches();
        world.later(Number(event['forMs']), () => {
          refusal.remove();
        });
      },
      tell: (event) =>
        `all watches are cut, and answered with ${String(event['status'])} for ${String(event['forMs'])} ms`,
    },
    compact: {
      act: (world) => {
        world.cluster.compact();
      },
      tell: () => 'the history of writes is compacted',
    },
    'restart API server': {
      act: (world, event) => {
        const { cluster } = world;
        cluster.cutConnections();
        const down = cluster.faults.add({ reset: true });
        world.later(Number(event['forMs']), () => {
          down.remove();
        });
      },
      tell: (event) => `the API server is down for ${String(event['forMs'])} ms`,
    },
  },
};

/** Tokens that run out; who uses one reads the next only later. */
export const tokens: Family = {
  name: 'tokens',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 3), () => ({
      what: 'expire token',
      slot: anySlot(luck, setting),
      forMs: duration(luck, 60_000, 1),
    })),
  kinds: {
    'expire token': {
      act: (world, event) => {
        const { podName, candidate } = world.slot(targetOf(world, event));
        world.cluster.expireToken(podName);
        world.later(Number(event['forMs']), () => {
          if (candidate instanceof LifeCandidate) {
            candidate.process.token = world.cluster.token(podName);
          }
        });
      },
      tell: (event) =>
        `the token of ${targetName(event)} expires; it reads the new one ${String(event['forMs'])} ms later`,
    },
  },
};
