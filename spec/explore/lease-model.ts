/**
 * Lease mode as a state space: the shipped `step` and `provenMs`, with a Lease, a network, a watch and the clocks
 * around them. `docs/exploration.md` says what is modelled.
 */
import type { Lane } from '../simulate/story.ts';
import { electorMoves } from './elector-moves.ts';
import { type Fragment, fragmentOf, join } from './encoding.ts';
import type { Broken, Model, Move, Place } from './explorer.ts';
import {
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
  letter,
  remember,
  spend,
  store,
  versionWords,
} from './lease-world.ts';
import { laneOf } from './telling.ts';

export class LeaseModel implements Model<LeaseWorld> {
  readonly first: LeaseWorld;

  constructor({ electors, wall, leases, remembered, ...left }: LeaseBounds) {
    const clock = { nowMs: 0, bootMs: 0, dateMs: WALL_MS };
    const dateMs = WALL_MS - (wall === 'is late' ? 60_000 : 0);
    const slow = { ...clock, dateMs, tickMs: SLOW_TICK_MS, wall };
    const others = leases === 'longer' ? LONGER : DURATIONS;
    const fast = { ...clock, tickMs: TICK_MS, wall: 'goes' as const };
    this.first = {
      electors: IDENTITIES.slice(0, electors).map((identity, index) =>
        index === 0
          ? begin({ ...DURATIONS, identity }, slow, true)
          : begin({ ...others, identity }, fast, true),
      ),
      remembered,
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
    return moves;
  }

  key(world: LeaseWorld): string {
    // All but the first have the same clock, and can be told apart by their names only.
    const [first, ...others] = world.electors;
    if (!first) return '';
    const sorted = [first, ...others.sort((a, b) => rank(a) - rank(b))];
    const names = sorted.map(
      ({ state }, at) => [state.settings.identity, `e${at}`] as [string, string],
    );
    const { lock, facts, token, left } = world;
    const late = world.late.map(({ by, write }) => ({ name: IDENTITIES[by], write }));
    const excused = world.excused === undefined ? undefined : IDENTITIES[world.excused];
    const rest = { lock, facts, late, token, name: excused, counts: left };
    return join([...sorted.map(electorFragment), fragmentOf(rest, first)], names);
  }

  broken(world: LeaseWorld): Broken | undefined {
    const leading = [...world.electors.keys()].filter((index) => leads(world, index));
    const counted = leading.filter((index) => index !== world.excused);
    if (counted.length > 1) {
      const names = leading.map(letter).join(' and ');
      return { promise: 'LEASE-1', text: `${names} are both proven to lead` };
    }
    for (const index of counted) {
      const { token = 0 } = elector(world, index);
      if (token < world.token) {
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

  sights({ electors, lock, late, terms, left }: LeaseWorld): string[] {
    const sights: string[] = [];
    const world = { electors };
    if (electors.some((_, index) => leads(world, index))) sights.push('somebody leads');
    if (terms > 1) sights.push('a second term has begun');
    if (late.length > 0) sights.push('a write is on its way whose sender gave it up');
    if (lock?.record.holderIdentity === '') sights.push('the Lease is released');
    if (!lock && left.deletions === 0) sights.push('the Lease is deleted');
    return sights;
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
function partsOf({ state, request, watching, token, wall }: Elector): object {
  const { stamp, decided, ...rest } = state;
  // A clock that goes shows another time with every write.
  const stamped = wall === 'stands still' ? stamp : undefined;
  const isAsking = request !== undefined;
  const asked = isAsking ? decided : undefined;
  return { ...rest, stamped, asked, answer: request?.answer, watching, token };
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
  const { by, write: command } = world.late[at] ?? impossible();
  const late = world.late.toSpliced(at, 1);
  const { to, outcome, broken } = carryOut({ ...world, late }, by, command);
  const say = () => `the ${command.do} by ${letter(by)} arrives late: ${answerWords(outcome)}`;
  return { to, place: 'world', say, broken };
}

function impossible(): never {
  throw new Error('there is no such write');
}

function worldMoves(world: LeaseWorld, moves: Move<LeaseWorld>[]): void {
  const add = (to: LeaseWorld, say: () => string, place: Place = 'world') => {
    moves.push({ to, place, say });
  };
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
