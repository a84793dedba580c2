import type { FaultRule } from '../../../lib/testing/index.ts';
import { anySlot, duration, events, slotOrLeader } from '../draw.ts';
import type { Candidate } from '../candidate.ts';
import type { Family } from '../family.ts';
import type { LifeSlot } from '../life-candidate.ts';
import type { Luck } from '../luck.ts';
import type { Setting } from '../schedule.ts';
import type { World } from '../world.ts';
import { targetName, targetOf } from './target.ts';

/** An answer that tells who gets it to come back later, or that something is broken. */
function drawError(luck: Luck) {
  const status = luck.pick([401, 408, 429, 500, 500, 503, 504]);
  return { status, ...(status === 429 && { retryAfterSeconds: luck.integer(1, 20) }) };
}

/** Who is told that he is unknown, or one of too many, has changed nothing. */
const CLEAR = [401, 429];

function drawRefusal(luck: Luck): FaultRule {
  const verb = luck.pick(['create', 'create', 'delete', 'get', undefined] as const);
  const error = drawError(luck);
  const when = luck.pick(['before', 'after'] as const);
  return {
    ...(verb !== undefined && { verb }),
    ...luck.pick([
      { error, when: CLEAR.includes(error.status) ? ('before' as const) : when },
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

/** Until the function that it returns is called. */
function fault({ cluster }: World, rule: FaultRule): () => void {
  const added = cluster.faults.add(rule);
  return () => added.remove();
}

const rule: Family['kinds'] = {
  trouble: {
    act: (world, event) => {
      const isAll = event.slot === 'everybody';
      const user = isAll ? {} : { user: targetOf(world, event).podName };
      return fault(world, { ...event.rule, ...user });
    },
    tell: 'for {forMs} ms the API server has for {slot}: {rule}',
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

const ENDS = [
  'cut watches',
  'close watches',
  'refuse watches',
  'compact',
  'restart API server',
] as const;

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
      what: luck.pick(ENDS),
      forMs: duration(luck, 9_000, 1),
      status: luck.pick([410, 410, 429, 500, 503]),
    })),
  ],
  kinds: {
    ...rule,
    'cut watches': {
      act: ({ cluster }) => cluster.faults.cutWatches(),
      tell: 'all watches are cut',
    },
    'close watches': {
      act: ({ cluster }) => cluster.faults.cutWatches({}, { cleanly: true }),
      tell: 'all watches are closed in good order',
    },
    'refuse watches': {
      act: (world, { status }) => {
        const end = fault(world, { verb: 'watch', error: { status } });
        world.cluster.faults.cutWatches();
        return end;
      },
      tell: 'all watches are cut, and answered with {status} for {forMs} ms',
    },
    compact: {
      act: ({ cluster }) => cluster.compact(),
      tell: 'the history of writes is compacted',
    },
    'restart API server': {
      act: (world) => {
        world.cluster.cutConnections();
        return fault(world, { reset: true });
      },
      tell: 'the API server is down for {forMs} ms',
    },
  },
};

function expireToken({ cluster }: World, podName: string, who: Candidate | undefined): () => void {
  cluster.expireToken(podName);
  return () => {
    if (who) who.process.token = cluster.token(podName);
  };
}

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
        const { podName, candidate } = targetOf(world, event);
        return expireToken(world, podName, candidate);
      },
      tell: 'the token of {slot} expires; it reads the new one {forMs} ms later',
    },
  },
};

/** Those that a candidate can do without, as `docs/rbac.md` says. */
const OPTIONAL = [
  { verb: 'get', resource: 'pods' },
  { verb: 'watch', resource: 'pods' },
  { verb: 'list', resource: 'pods' },
  { verb: 'watch', resource: 'configmaps' },
  { verb: 'patch', resource: 'configmaps' },
] as const;

/** Optional rights that a Role does not give for a while. */
export const rights: Family = {
  name: 'rights',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 3), () => ({
      what: 'withdraw right',
      slot: luck.chance(0.5) ? 'everybody' : anySlot(luck, setting),
      right: luck.pick(OPTIONAL),
      forMs: duration(luck, 60_000, 1),
    })),
  kinds: {
    'withdraw right': {
      act: (world, { slot, right: { verb, resource } }) => {
        const slots = slot === 'everybody' ? world.slots : [world.slot(Number(slot))];
        // Who may not read his Pod cannot notice that he was told a wrong UID: nobody promises that.
        const concerned = slots.filter(
          ({ setting }) => !(verb === 'get' && (setting as LifeSlot).uid === 'wrong'),
        );
        const ends = concerned.map(({ podName: user }) => {
          const message = `${resource} is forbidden: User "${user}" cannot ${verb} resource "${resource}"`;
          return fault(world, {
            user,
            verb,
            resource,
            error: { status: 403, reason: 'Forbidden', message },
          });
        });
        if (ends.length > 0) world.figures.add('rights withdrawn');
        return () => {
          for (const end of ends) end();
        };
      },
      tell: (event) =>
        `for {forMs} ms ${targetName(event)} may not ${event.right.verb} ${event.right.resource}`,
    },
  },
};

/** The namespace may hold as much as anybody likes again. */
export function giveBackQuota({ cluster }: World): void {
  cluster.setQuota(undefined);
}

/** A namespace whose quota is used up: by others, so that nothing of this kind can be created. */
function quotaOf(name: string, what: string, resource: string, kind: string): Family {
  return {
    name,
    draw: (luck, setting) =>
      events(luck, setting, luck.integer(1, 3), () => ({
        what,
        forMs: duration(luck, 60_000, 1),
      })),
    kinds: {
      [what]: {
        act: (world) => {
          world.cluster.setQuota({ [`count/${resource}`]: 0 });
          return () => giveBackQuota(world);
        },
        tell: `for {forMs} ms the quota allows no further ${kind}`,
      },
    },
  };
}

export const quota = quotaOf('quota', 'exhaust quota', 'configmaps', 'ConfigMap');

const LEASES = 'leases.coordination.k8s.io';

export const leaseQuota = quotaOf('quota of Leases', 'exhaust quota of Leases', LEASES, 'Lease');

/** Nodes that are not heard from; what runs there runs on. */
export const nodes: Family = {
  name: 'nodes',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 2), () => ({
      what: 'lose nodes',
      forMs: duration(luck, 60_000, 1_000),
    })),
  kinds: {
    'lose nodes': {
      act: ({ cluster, slots }) => {
        const found = slots.flatMap(({ podName }) => cluster.getPod(podName)?.spec?.nodeName ?? []);
        const names = new Set(found);
        for (const name of names) cluster.setNodeReady(name, false);
        return () => {
          for (const name of names) cluster.setNodeReady(name, true);
        };
      },
      tell: 'no node is heard from for {forMs} ms',
    },
  },
};

const VERBS = ['get', 'create', 'update', 'watch'];

function drawLeaseRule(luck: Luck, setting: Setting): FaultRule {
  const drawn = luck.pick(['before', 'after'] as const);
  const status = luck.pick([401, 408, 429, 500, 503, 504]);
  const when = CLEAR.includes(status) ? 'before' : drawn;
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
  return {
    resource: 'leases',
    ...(luck.chance(0.5) ? { user: `pod-${anySlot(luck, setting)}` } : {}),
    ...(verb ? { verb } : {}),
    ...(luck.chance(0.5) && { times: luck.integer(1, 5) }),
    ...(luck.chance(0.5) && { probability: luck.pick([0.2, 0.5, 0.8]) }),
    ...effect,
  } as FaultRule;
}

/** The API server answers errors, late, or nothing; watches show too much or too little. */
export const leaseFaults: Family = {
  name: 'lease faults',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 5), () => ({
      what: 'break leases',
      rule: drawLeaseRule(luck, setting),
      forMs: duration(luck, 60_000, 1),
    })),
  kinds: {
    'break leases': {
      act: (world, event) => fault(world, event.rule),
      tell: 'the API server misbehaves for {forMs} ms: {rule}',
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
      act: ({ cluster }, { cleanly }) => cluster.faults.cutWatches({}, { cleanly }),
      tell: 'every watch ends',
    },
    'expire elector token': {
      act: (world, event) => {
        const { candidate } = targetOf(world, event);
        return candidate && expireToken(world, candidate.podName, candidate);
      },
      tell: 'the token of {slot} is unknown for {forMs} ms',
    },
  },
};
