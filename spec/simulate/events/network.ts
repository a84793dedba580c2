import { anySlot, duration, events, moment, slotOrLeader } from '../draw.ts';
import type { Family } from '../family.ts';
import type { Mishap, Page, Passed } from '../line.ts';
import type { Luck } from '../luck.ts';
import { linesOf, strike, strikeFirst, targetName, targetOf, targetsOf } from './target.ts';

/** Longer than this nothing that was sent takes effect: the API server is told its time. */
const MAX_LATE_MS = 9_000;

/** The network between a process and the cluster is gone for a while, also in one direction. */
function cuts(name: string, what: string, most: number, mostMs: number): Family {
  return {
    name,
    draw: (luck, setting) =>
      events(luck, setting, luck.integer(1, most), () => ({
        what,
        slot: slotOrLeader(luck, setting),
        cut: luck.pick(['both', 'requests', 'answers']),
        forMs: duration(luck, mostMs, 1),
      })),
    kinds: {
      [what]: {
        act: (world, event) => {
          const line = targetOf(world, event).candidate?.process.line;
          line?.cut(event.cut);
          return line && (() => line.mend());
        },
        tell: '{slot} is cut off ({cut}) for {forMs} ms',
      },
    },
  };
}

export const partitions = cuts('partitions', 'cut off', 3, 60_000);
export const electorCuts = cuts('elector cuts', 'cut elector off', 4, 40_000);

const MISHAP_VERBS = ['create', 'create', 'create', 'delete', 'delete', 'patch', 'get', 'watch'];

/** What becomes of single requests and answers on their way. */
export const mishaps: Family = {
  name: 'mishaps',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 6), () => {
      const verb = luck.pick(MISHAP_VERBS);
      const ways: Partial<Mishap>[] =
        verb === 'watch'
          ? [{ deaf: true }]
          : [
              { lateMs: duration(luck, MAX_LATE_MS, 1) },
              { answerMs: duration(luck, 9_999, 1) },
              { lost: luck.pick(['broken', 'silent']) },
              { lost: luck.pick(['broken', 'silent']) },
              // Nobody sends a create twice: it is not idempotent, and proxies know.
              ...(verb === 'create' ? [] : [{ againMs: duration(luck, MAX_LATE_MS, 1) }]),
            ];
      return {
        what: 'mishap',
        slot: luck.chance(0.3) ? 'leader' : anySlot(luck, setting),
        mishap: { verb, probability: luck.pick([1, 1, 0.5]), ...luck.pick(ways) },
        forMs: duration(luck, 30_000, 1),
      };
    }),
  kinds: {
    mishap: { act: strike, tell: 'for {forMs} ms, on the line of {slot}: {mishap}' },
  },
};

function drawElectorMishap(luck: Luck): Mishap {
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
      mishap: drawElectorMishap(luck),
      forMs: duration(luck, 60_000, 1),
    })),
  kinds: {
    'elector has a bad line': {
      act: strike,
      tell: '{slot} has a bad line for {forMs} ms: {mishap}',
    },
  },
};

const NOTHING = { kind: 'Status', apiVersion: 'v1', metadata: {} };

/** What no API server says in answer to a request for an object. */
function drawPage(luck: Luck): Page {
  const status = luck.pick([404, 404, 404, 403, 403, 409, 200, 200, 302, 410, 422]);
  const isSuccess = status === 200;
  const statusAboutNothing = isSuccess
    ? { ...NOTHING, status: 'Success' }
    : { ...NOTHING, status: 'Failure', message: 'no route', reason: 'NotFound', code: status };
  const [contentType, body] = luck.pick([
    ['text/plain', '404 page not found\n'],
    ['text/html', '<html><body>default backend</body></html>'],
    ['text/plain', ''],
    ['application/json', '{"error":"no route","status":404}\n'],
    ['application/json', `${JSON.stringify(statusAboutNothing)}\n`],
  ] as const);
  return { status, body, contentType, ...(luck.chance(0.3) && { isLate: true }) };
}

interface Answered {
  readonly mishap: Mishap;
  readonly forMs: number;
}

/** Pods are absent for as long as it takes to free the locks that they hold. */
function drawAbsence(luck: Luck): Answered {
  const page = { ...drawPage(luck), status: 404 };
  const mishap = { page, probability: 1, verb: 'get', resource: 'pods' };
  return { mishap, forMs: duration(luck, 30_000, 2_500) };
}

function drawAnything(luck: Luck): Answered {
  const verb = luck.chance(0.5) && luck.pick(['get', 'get', 'create', 'delete', 'watch']);
  const resource = luck.chance(0.3) && luck.pick(['pods', 'pods', 'configmaps', 'leases']);
  const mishap = {
    page: drawPage(luck),
    probability: luck.pick([1, 1, 0.5]),
    ...(verb && { verb }),
    ...(resource && { resource }),
    ...(luck.chance(0.3) && { times: luck.integer(1, 3) }),
  };
  return { mishap, forMs: duration(luck, 30_000, 1) };
}

/** Something between the processes and the API server answers in its place. */
export const gateways: Family = {
  name: 'gateways',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: 'gateway answers',
      slot: luck.pick(['everybody', 'leader', anySlot(luck, setting)]),
      ...(luck.chance(0.3) ? drawAbsence(luck) : drawAnything(luck)),
    })),
  kinds: {
    'gateway answers': {
      act: (world, event) =>
        // Of a client-go it is known that it believes any `404`.
        strikeFirst(
          linesOf(world, event, ({ kind }) => kind !== 'client-go'),
          event.mishap,
        ),
      tell: 'for {forMs} ms something on the way answers {slot}: {mishap}',
    },
  },
};

/** An API server that does not listen, as while it starts again: what is asked was never sent. */
export const refusedConnections: Family = {
  name: 'refused connections',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 2), () => ({
      what: 'refuse connections',
      slot: luck.pick(['everybody', 'leader', anySlot(luck, setting)]),
      forMs: duration(luck, 30_000, 1),
    })),
  kinds: {
    'refuse connections': {
      act: (world, event) =>
        strikeFirst(linesOf(world, event), { isRefused: true, probability: 1 }),
      tell: 'for {forMs} ms new connections of {slot} are refused',
    },
  },
};

/** The one connection that all elections of a process share ends, with all requests and watches. */
export const lostConnections: Family = {
  name: 'lost connections',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: 'lose the connection',
      slot: luck.pick(['everybody', 'leader', anySlot(luck, setting)]),
    })),
  kinds: {
    'lose the connection': {
      act: (world, event) => {
        for (const line of linesOf(world, event)) line.loseConnection();
        world.figures.add('connections lost');
      },
      tell: 'the connection of {slot} is lost, with all requests and watches on it',
    },
  },
};

const passes: Readonly<Record<Passed, string>> = {
  head: 'the heads of watches and nothing that they show',
  first: 'what watches show as they open and nothing after it',
};

/** How often a schedule that knows this family has such a proxy. */
const SHARE = 0.3;

/** A proxy holds back what watches show. Nobody mends it: it stays when everything else is mended. */
export const heldWatches: Family = {
  name: 'held watches',
  draw: (luck, setting) => {
    if (setting.slots.length === 0 || !luck.chance(SHARE)) return [];
    return [
      {
        atMs: luck.chance(0.3) ? 0 : moment(luck, setting),
        what: 'hold watches back',
        slot: luck.chance(0.6) ? 'everybody' : anySlot(luck, setting),
        passed: luck.pick<Passed>(['head', 'head', 'first']),
      },
    ];
  },
  kinds: {
    'hold watches back': {
      act: (world, event) => {
        for (const slot of targetsOf(world, event)) world.holdWatchesBack(slot, event.passed);
        world.figures.add('watches held back for good');
      },
      tell: (event) => `from now on a proxy passes to ${targetName(event)} ${passes[event.passed]}`,
    },
  },
};
