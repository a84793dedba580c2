/**
 * Lease mode as a state space: the shipped `step` and `provenMs`, with a Lease, a network, a watch and the clocks
 * around them. `docs/exploration.md` says what is modelled.
 */
import type { LeaderElectionRecord, LockVersion } from '../../lib/protocol/lease/record.ts';
import type { Lane } from '../simulate/story.ts';
import { laneOf, letter, sightsOf, spend, withOptional } from './bounds.ts';
import { electorMoves } from './elector-moves.ts';
import { type Fragment, fragmentOf, join } from './encoding.ts';
import type { Broken, Model, Move, Place } from './explorer.ts';
import {
  type Electing,
  type Elector,
  type LeaseBounds,
  type LeaseWorld,
  DURATIONS,
  IDENTITIES,
  LONGER,
  SLOW_TICK_MS,
  TICK_MS,
  WALL_MS,
  answerWords,
  begin,
  carryOut,
  elector,
  leads,
  remember,
  store,
  versionWords,
} from './lease-world.ts';

export class LeaseModel implements Model<LeaseWorld> {
  readonly first: LeaseWorld;

  constructor(bounds: LeaseBounds, electing: Electing) {
    const { electors, wall, leases, ...rest } = bounds;
    const { remembered, namesakes, contained, yields, webhook, ...left } = rest;
    const clock = { nowMs: 0, bootMs: 0, dateMs: WALL_MS };
    const dateMs = WALL_MS - (wall === 'is late' ? 60_000 : 0);
    const slow = { ...clock, dateMs, tickMs: SLOW_TICK_MS, wall };
    const others = leases === 'longer' ? LONGER : DURATIONS;
    // No two processes write at the same millisecond, or their records would be the same.
    const ahead = clock.dateMs + (namesakes ? 7 : 0);
    const fast = { ...clock, dateMs: ahead, tickMs: TICK_MS, wall: 'goes' as const };
    const [shared] = IDENTITIES;
    this.first = {
      electors: IDENTITIES.slice(0, electors).map((own, index) => {
        if (index === 0) return begin({ ...DURATIONS, identity: own }, slow, true);
        const identity = namesakes && index === 1 ? shared : own;
        return { ...begin({ ...others, identity }, fast, true), yields: yields && index === 1 };
      }),
      fixed: { remembered, namesakes, contained, yields, webhook },
      electing,
      isAltering: false,
      lock: undefined,
      facts: [],
      late: [],
      written: 0,
      token: 0,
      excused: undefined,
      terms: 0,
      left,
    };
  }

  moves(world: LeaseWorld): Move<LeaseWorld>[] {
    const moves: Move<LeaseWorld>[] = [];
    for (const index of world.electors.keys()) electorMoves(world, index, moves);
    for (const index of world.late.keys()) moves.push(carryOutLate(world, index));
    worldMoves(world, moves);
    return withOptional(world, moves);
  }

  /** Somebody leads, or nobody wants to any more. Where time has an end, it may come before that. */
  isSettled(world: LeaseWorld): boolean {
    const { electors, left } = world;
    if (left.ticks !== Infinity) return true;
    return (
      electors.some((_, index) => leads(world, index)) ||
      electors.every(({ state }) => state.phase === 'ended')
    );
  }

  key(world: LeaseWorld): string {
    // All but the first have the same clock, and can be told apart by their names only.
    const [first, ...others] = world.electors;
    if (!first) return '';
    const sorted = [first, ...others.sort((a, b) => rank(a) - rank(b))];
    // Of namesakes, the first one gives its name to both.
    const names = sorted
      .map(({ state }, at) => [state.settings.identity, `e${at}`] as [string, string])
      .reverse();
    const { lock, facts, token, left, isAltering } = world;
    const late = world.late.map(({ by, write }) => ({ name: IDENTITIES[by], write }));
    const excused = world.excused === undefined ? undefined : IDENTITIES[world.excused];
    const own = ownRecords(sorted, world);
    const rest = { lock, facts, late, token, name: excused, counts: left, isAltering, own };
    return join([...sorted.map(electorFragment), fragmentOf(rest, first)], names);
  }

  broken(world: LeaseWorld): Broken | undefined {
    const barred = world.electors.find(({ brokenBar }) => brokenBar);
    if (barred) return barred.brokenBar;
    const leading = [...world.electors.keys()].filter((index) => leads(world, index));
    const counted = leading.filter((index) => index !== world.excused);
    const told = counted.find((index) => knowsOfNamesake(world, index));
    if (told !== undefined) {
      const text = `${letter(told)} leads on, although it knows of a write in its name by another process`;
      return { promise: 'LEASE-1', text };
    }
    const identities = new Set(counted.map((index) => identityOf(world, index)));
    if (identities.size > 1) {
      const names = leading.map(letter).join(' and ');
      return { promise: 'LEASE-1', text: `${names} are both proven to lead` };
    }
    for (const index of counted) {
      const { token = 0 } = elector(world, index);
      if (token < world.token && !world.fixed.namesakes) {
        const text = `${letter(index)} leads with the token ${token}, after a term with the token ${world.token}`;
        return { promise: 'LEASE-3', text };
      }
    }
    return undefined;
  }

  lanes(world: LeaseWorld): Lane[] {
    return world.electors.map(({ state }, index) =>
      laneOf(state.phase !== 'ended', leads(world, index)),
    );
  }

  stored({ lock }: LeaseWorld): string {
    return versionWords(lock);
  }

  sights(world: LeaseWorld): string[] {
    const { electors, lock, late, terms, left } = world;
    return sightsOf({
      'somebody leads': electors.some((_, index) => leads(world, index)),
      'a second term has begun': terms > 1,
      'a write is on its way whose sender gave it up': late.length > 0,
      'the Lease is released': lock?.record.holderIdentity === '',
      'the Lease is deleted': !lock && left.deletions === 0,
    });
  }
}

const fragments = new WeakMap<Elector, Fragment>();

/** Most moves leave all electors but one as they were. */
function electorFragment(elector: Elector): Fragment {
  let fragment = fragments.get(elector);
  if (!fragment) fragments.set(elector, (fragment = fragmentOf(partsOf(elector), elector)));
  return fragment;
}

/** What the future depends on, as far as anybody can tell from outside. */
function partsOf(elector: Elector): object {
  const { state, request, watching, token, wall, life } = elector;
  const { isUnhealthy = false, asideUntilMs, yields = false } = elector;
  const { stamp, issuedAt, sent: _, written, namesake: __, deadlineMs, ...rest } = state;
  // A clock that goes shows another time with every write.
  const stamped = wall === 'stands still' ? stamp : undefined;
  const isAsking = request !== undefined;
  const asked = isAsking ? issuedAt : undefined;
  const { uid, record } = written ?? {};
  const led = written && { uid, leaseTransitions: record?.leaseTransitions };
  const forMs = state.phase === 'leading' ? deadlineMs : undefined;
  const name = state.settings.identity;
  return {
    name,
    ...rest,
    stamped,
    asked,
    led,
    limits: forMs,
    answer: request?.answer,
    watching,
    token,
    life,
    ...(isUnhealthy && { isUnhealthy }),
    ...(yields && { yields }),
    ...(asideUntilMs !== undefined && { asideUntilMs }),
  };
}

/**
 * Which of the records that anybody may yet be told of each elector has sent. Of all others that it has
 * sent, nothing can come any more.
 */
function ownRecords(electors: readonly Elector[], { lock, facts, late }: LeaseWorld): string {
  const records: LeaderElectionRecord[] = [];
  const add = (version: LockVersion | undefined) => {
    if (version) records.push(version.record);
  };
  add(lock);
  for (const fact of facts) if (fact.type === 'seen') add(fact.version);
  for (const { write } of late) records.push(write.record);
  for (const { state, request } of electors) {
    add(state.version);
    if (request && request.command.do !== 'get') records.push(request.command.record);
    const answer = request?.answer;
    if (answer?.type === 'got') add(answer.version);
    if (answer?.type === 'written' && answer.version !== 'conflict') add(answer.version);
  }
  let text = '';
  for (const { state } of electors) {
    const { written, sent, settings } = state;
    for (const record of records) {
      if (record.holderIdentity !== settings.identity) continue;
      text += written && isEqual(written.record, record) ? 'w' : '-';
      text += sent.some((each) => isEqual(each, record)) ? (isFirst(record) ? 'c' : 's') : '-';
    }
    text += ',';
  }
  return text;
}

function isEqual(a: LeaderElectionRecord, b: LeaderElectionRecord): boolean {
  return (
    a === b ||
    (a.holderIdentity === b.holderIdentity &&
      a.renewTime === b.renewTime &&
      a.acquireTime === b.acquireTime &&
      a.leaseTransitions === b.leaseTransitions)
  );
}

/** Creates are remembered for longer than updates. */
function isFirst({ acquireTime, renewTime, leaseTransitions }: LeaderElectionRecord): boolean {
  return acquireTime === renewTime && leaseTransitions === 0;
}

function identityOf(world: LeaseWorld, index: number): string {
  return elector(world, index).state.settings.identity;
}

/** What it knows of the Lease is another process's, in its own name. */
function knowsOfNamesake(world: LeaseWorld, index: number): boolean {
  const { version } = elector(world, index).state;
  const writer = version?.object as { readonly by: number } | undefined;
  const isOurs = version?.record.holderIdentity === identityOf(world, index);
  return isOurs && writer !== undefined && writer.by !== index;
}

/** By what others can tell equal electors apart; which of those come first does not matter. */
function rank({ state, request, watching }: Elector): number {
  const commands = ['get', 'create', 'update', 'wait', 'end'].indexOf(state.command.do);
  const phases = ['following', 'leading', 'releasing', 'ended'].indexOf(state.phase);
  const bits = (request?.answer ? 2 : 0) + (watching ? 1 : 0) + (state.gone ? 4 : 0);
  const version = Number(state.version?.resourceVersion ?? 0);
  return ((phases * 8 + commands) * 8 + bits) * 1_000 + version;
}

function carryOutLate(world: LeaseWorld, at: number): Move<LeaseWorld> {
  const { by, life, write: command } = world.late[at] ?? impossible();
  const late = world.late.toSpliced(at, 1);
  const { to, outcome, broken } = carryOut({ ...world, late }, by, command, life);
  const say = () => `the ${command.do} by ${letter(by)} arrives late: ${answerWords(outcome)}`;
  // Somebody has deleted the Lease since: the leader has lost it already, and its successor does not lead yet.
  return { to, place: 'world', say, broken: command.do === 'create' ? undefined : broken };
}

function impossible(): never {
  throw new Error('there is no such write');
}

function worldMoves(world: LeaseWorld, moves: Move<LeaseWorld>[]): void {
  const add = (to: LeaseWorld, say: () => string, place: Place = 'world') =>
    moves.push({ to, place, say });
  const ticked = spend(world, 'ticks');
  if (ticked) {
    add(tick(ticked), () => `${TICK_MS / 1_000} s pass`);
    const suspended = spend(ticked, 'suspensions');
    if (suspended) {
      for (const index of world.electors.keys()) {
        add(tick(suspended, index), () => `3 s pass, while the machine of ${letter(index)} sleeps`);
      }
    }
  }
  const hooked = spend(world, 'webhooks');
  if (hooked) {
    const isAltering = !world.isAltering;
    const what = isAltering ? 'is installed' : 'is removed';
    add(
      { ...hooked, isAltering },
      () => `a webhook that ${hooked.fixed.webhook} what is written ${what}`,
    );
  }
  const { lock } = world;
  if (!lock) return;
  const isKnown = world.electors.every(({ state }) => state.version !== undefined);
  const deleted = isKnown ? spend(world, 'deletions') : undefined;
  if (deleted) {
    // A process that begins after it cannot know that anybody had the Lease.
    const left = { ...deleted.left, restarts: 0 };
    const resourceVersion = String(world.written + 1);
    const gone = remember(deleted, { type: 'gone', resourceVersion });
    const to = { ...gone, lock: undefined, written: world.written + 1, left };
    add(to, () => 'the Lease is deleted by hand');
  }
  const wiped = lock.record.holderIdentity === '' ? undefined : spend(world, 'wipes');
  if (wiped) {
    const leader = world.electors.findIndex((_, index) => leads(world, index));
    const to = store(wiped, { ...lock.record, holderIdentity: '' }, lock.uid ?? '');
    const excused = leader < 0 ? undefined : leader;
    add({ ...to, excused }, () => 'the holder is emptied by hand');
  }
}

export function tick(world: LeaseWorld, asleep?: number): LeaseWorld {
  const electors = world.electors.map((each, index) => {
    const nowMs = each.nowMs + (index === asleep ? 0 : each.tickMs);
    const dateMs = each.dateMs + (each.wall === 'stands still' ? 0 : TICK_MS);
    return { ...each, nowMs, bootMs: each.bootMs + each.tickMs, dateMs };
  });
  return { ...world, electors };
}
