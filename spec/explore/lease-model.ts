/**
 * Lease mode as a state space: the shipped `step` and `provenMs`, with a Lease, a network, a watch and the clocks
 * around them. `docs/exploration.md` says what is modelled.
 */
import {
  type Command,
  type Event,
  type Hint,
  type Settings,
  type State,
  start,
  step,
} from '../../lib/protocol/lease.ts';
import type { LeaderElectionRecord, LockVersion } from '../../lib/protocol/lease-record.ts';
import { provenMs } from '../../lib/protocol/validity.ts';
import { type Fragment, type Moment, fragmentOf, join } from './encoding.ts';
import type { Lane } from '../simulate/story.ts';
import type { Broken, Model, Move, Place } from './explorer.ts';
import { laneOf } from './telling.ts';

/** How often something may happen, in all. */
export interface LeaseBounds {
  readonly electors: number;
  /** What the wall clock of the first elector does. */
  readonly wall: 'goes' | 'stands still' | 'is late';
  /** Whether the other electors ask for leases that are longer than the first one's. */
  readonly leases: 'alike' | 'longer';
  /** How many of the last versions of the Lease a watch may tell of. */
  readonly remembered: number;
  /** Of two seconds by the slowest clock. Infinity: time has no end. */
  readonly ticks: number;
  /** Requests that are given up; a write of these may be carried out later. */
  readonly lost: number;
  /** Writes that the network carries out twice. */
  readonly doubled: number;
  /** Requests that are answered later than they are carried out. */
  readonly slow: number;
  /** Requests that are refused, and certainly were not carried out. */
  readonly refused: number;
  /** Processes that end at any moment, and begin again under the same identity. */
  readonly restarts: number;
  /** Campaigns after the first one of a process. */
  readonly again: number;
  /** Calls that are aborted, and terms whose work ends: they release the Lease. */
  readonly finishes: number;
  /** Watches that end, or open. */
  readonly watches: number;
  /** A machine that is suspended for a tick. */
  readonly suspensions: number;
  /** The Lease is deleted by hand. */
  readonly deletions: number;
  /** Its holder is emptied by hand, as a client-go that is late does. */
  readonly wipes: number;
}

/** One leader whose clock is as slow as is tolerated, beside others. */
const SLOW_TICK_MS = 2_000;
const TICK_MS = 3_000;

const DURATIONS = { leaseDurationMs: 6_000, renewDeadlineMs: 4_000, retryPeriodMs: 2_000 };

const LONGER = { leaseDurationMs: 12_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/** One identity begins like the others. */
const IDENTITIES = ['pod', 'pod-1', 'pod-2', 'pod-3'] as const;

const WALL_MS = Date.UTC(2026, 0, 1);

type Write = Command & { do: 'create' | 'update' };

interface Request {
  readonly command: Command & { do: 'get' | 'create' | 'update' };
  /** Undefined until the API server has carried it out. */
  readonly answer?: Event | undefined;
}

interface Elector extends Moment {
  readonly wall: LeaseBounds['wall'];
  readonly state: State;
  readonly request: Request | undefined;
  readonly watching: boolean;
  /** By which version its term began. */
  readonly token: number | undefined;
}

type Fact = Hint & { type: 'seen' | 'gone' };

type Left = Omit<LeaseBounds, 'electors' | 'wall' | 'leases' | 'remembered'>;

export interface LeaseWorld {
  readonly electors: readonly Elector[];
  readonly lock: LockVersion | undefined;
  /** What happened to the lock last, which watches tell of, in whatever order. */
  readonly facts: readonly Fact[];
  /** Writes that were given up or made twice, and may be carried out at any time. */
  readonly late: readonly { readonly by: number; readonly write: Write }[];
  readonly written: number;
  /** The largest token of any term so far. */
  readonly token: number;
  /** Had the Lease when somebody else emptied it, until it has to renew. */
  readonly excused: number | undefined;
  readonly terms: number;
  readonly remembered: number;
  readonly left: Left;
}

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

function letter(index: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + index);
}

function begin(
  settings: Settings,
  clock: Moment & Pick<Elector, 'wall'>,
  watching: boolean,
  known?: State,
): Elector {
  const { nowMs, bootMs, dateMs, tickMs, wall } = clock;
  const state = start(settings, { nowMs, bootMs, dateMs, random: 0 }, known);
  const moment = { nowMs, bootMs, dateMs, tickMs, wall };
  return withRequest({ state, request: undefined, watching, token: undefined, ...moment });
}

/** What the state asks for is sent at once. */
function withRequest(elector: Elector): Elector {
  const { command } = elector.state;
  const isRequest = command.do === 'get' || command.do === 'create' || command.do === 'update';
  return { ...elector, request: isRequest ? { command } : undefined };
}

function elector(world: Pick<LeaseWorld, 'electors'>, index: number): Elector {
  const found = world.electors[index];
  if (!found) throw new Error(`there is no elector ${index}`);
  return found;
}

/** By what others can tell equal electors apart; which of those come first does not matter. */
function rank({ state, request, watching }: Elector): number {
  const commands = ['get', 'create', 'update', 'wait', 'end'].indexOf(state.command.do);
  const phases = ['following', 'leading', 'releasing', 'ended'].indexOf(state.phase);
  const bits = (request?.answer ? 2 : 0) + (watching ? 1 : 0) + (state.gone ? 4 : 0);
  const version = Number(state.version?.resourceVersion ?? 0);
  return ((phases * 8 + commands) * 8 + bits) * 1_000 + version;
}

/** As `Term` judges it, whoever asks. */
function leads(world: Pick<LeaseWorld, 'electors'>, index: number): boolean {
  const { state, ...moment } = elector(world, index);
  const { phase, proven, settings } = state;
  if (phase !== 'leading' || !proven) return false;
  return provenMs(proven, settings.renewDeadlineMs, moment) > 0;
}

function change(world: LeaseWorld, index: number, changed: Partial<Elector>): LeaseWorld {
  const electors = world.electors.with(index, { ...elector(world, index), ...changed });
  return { ...world, electors };
}

/** Undefined where the bound is reached. */
function spend(world: LeaseWorld, what: keyof Left): LeaseWorld | undefined {
  if (world.left[what] <= 0) return undefined;
  return { ...world, left: { ...world.left, [what]: world.left[what] - 1 } };
}

/** One step of the shipped protocol. */
function advance(world: LeaseWorld, index: number, event: Event): LeaseWorld {
  const before = elector(world, index);
  const { nowMs, bootMs, dateMs } = before;
  const state = step(before.state, event, { nowMs, bootMs, dateMs, random: 0 });
  const begins = state.phase === 'leading' && before.state.phase === 'following';
  const token = begins ? Number(state.version?.resourceVersion) : before.token;
  const stays = state.command === before.state.command && before.request;
  const after = { ...before, state, token: state.phase === 'leading' ? token : undefined };
  const electors = world.electors.with(index, stays ? after : withRequest(after));
  // The excuse ends when the elector has renewed, or leads no more.
  const hasRenewed = event.type === 'written' && event.version !== 'conflict';
  const isOver = world.excused === index && (hasRenewed || state.phase !== 'leading');
  const excused = isOver ? undefined : world.excused;
  const terms = world.terms + (begins ? 1 : 0);
  return {
    ...world,
    electors,
    excused,
    terms,
    token: Math.max(world.token, begins ? (token ?? 0) : 0),
  };
}

function electorMoves(world: LeaseWorld, index: number, moves: Move<LeaseWorld>[]): void {
  const { state, request, nowMs, tickMs, watching } = elector(world, index);
  const add = (to: LeaseWorld, say: () => string, broken?: Broken) => {
    moves.push({ to, place: index, say, broken });
  };
  const { command, phase } = state;
  if (request) requestMoves(world, index, request, moves);
  if (command.do === 'wait') {
    if (command.untilMs < nowMs + tickMs) {
      add(advance(world, index, { type: 'time-up' }), () => 'its timer fires');
    }
    if (watching) {
      for (const fact of world.facts) {
        const to = advance(world, index, fact);
        if (elector(to, index).state !== state) add(to, () => `hears: ${factWords(fact)}`);
      }
    }
    const watched = spend(world, 'watches');
    if (watched) {
      const type = watching ? 'watch-lost' : 'watch-opened';
      const to = advance(change(watched, index, { watching: !watching }), index, { type });
      add(to, () => (watching ? 'loses its watch' : 'watches again'));
    }
  }
  finishMoves(world, index, add);
  const campaigning = phase === 'ended' ? spend(world, 'again') : undefined;
  if (campaigning) {
    const { state: known, ...moment } = elector(world, index);
    const again = begin(state.settings, moment, watching, known);
    add(change(campaigning, index, again), () => 'campaigns again');
  }
}

type Add = (to: LeaseWorld, say: () => string, broken?: Broken) => void;

function finishMoves(world: LeaseWorld, index: number, add: Add): void {
  const { state, request, ...moment } = elector(world, index);
  const { phase } = state;
  const isWriting = request !== undefined && request.command.do !== 'get';
  // `Election` releases only what is proven, and waits for writes to be answered first.
  if ((phase === 'following' || leads(world, index)) && !isWriting) {
    const finishing = spend(world, 'finishes');
    if (finishing) {
      const to = advance(change(finishing, index, { request: undefined }), index, {
        type: 'finish',
      });
      add(to, () => (phase === 'leading' ? 'leads no more: its work has ended' : 'is aborted'));
    }
  }
  if (phase === 'leading' && !leads(world, index)) {
    const abandoned = abandon(world, index);
    const ended: State = { ...state, phase: 'ended', command: { do: 'end' } };
    const over = { state: ended, request: undefined, token: undefined };
    const excused = world.excused === index ? undefined : world.excused;
    const to = { ...change(abandoned, index, over), excused };
    add(to, () => 'notices that its time is over');
  }
  const restarting = spend(world, 'restarts');
  if (restarting && phase !== 'ended') {
    const fresh = begin(state.settings, moment, true);
    add(change(abandon(restarting, index), index, fresh), () => 'dies, and begins anew');
  }
}

/** What becomes of a write that nobody waits for any more is up to the network. */
function abandon(world: LeaseWorld, index: number): LeaseWorld {
  const { request } = elector(world, index);
  if (!request || request.answer || request.command.do === 'get') return world;
  return { ...world, late: [...world.late, { by: index, write: request.command }] };
}

function requestMoves(
  world: LeaseWorld,
  index: number,
  request: Request,
  moves: Move<LeaseWorld>[],
): void {
  const { command, answer } = request;
  const add = (to: LeaseWorld, say: () => string, broken?: Broken) => {
    moves.push({ to, place: index, say, broken });
  };
  const hear = (from: LeaseWorld, event: Event) =>
    advance(change(from, index, { request: undefined }), index, event);
  if (answer) {
    const to = hear(world, answer);
    add(to, () => `← ${answerWords(answer)}${becomesLeader(world, to, index)}`);
  } else {
    const { to, outcome, broken } = carryOut(world, index, command);
    const heard = hear(to, outcome);
    const say = () => `→ ${requestWords(command)}: ${answerWords(outcome)}`;
    add(heard, () => `${say()}${becomesLeader(world, heard, index)}`, broken);
    const slow = spend(to, 'slow');
    if (slow) add(change(slow, index, { request: { command, answer: outcome } }), say, broken);
    const doubled =
      command.do === 'get' || world.late.length > 1 ? undefined : spend(heard, 'doubled');
    if (doubled && command.do !== 'get') {
      const late = [...doubled.late, { by: index, write: command }];
      add({ ...doubled, late }, () => `${say()}, once so far`, broken);
    }
  }
  const lost = spend(world, 'lost');
  if (lost && world.late.length < 2) {
    const ambiguous = command.do !== 'get';
    const to = change(abandon(lost, index), index, { request: undefined });
    add(advance(to, index, { type: 'failed', ambiguous }), () => `✗ ${command.do}: no answer`);
  }
  const refused = answer ? undefined : spend(world, 'refused');
  if (refused) {
    const to = advance(change(refused, index, { request: undefined }), index, {
      type: 'failed',
      ambiguous: false,
    });
    add(to, () => `✗ ${command.do}: refused`);
  }
}

interface Outcome {
  readonly to: LeaseWorld;
  readonly outcome: Event & { type: 'got' | 'written' };
  readonly broken: Broken | undefined;
}

/** What the API server does about a request. */
function carryOut(world: LeaseWorld, by: number, command: Request['command']): Outcome {
  const { lock } = world;
  if (command.do === 'get') {
    return { to: world, outcome: { type: 'got', version: lock }, broken: undefined };
  }
  const isCurrent =
    command.do === 'create'
      ? !lock
      : lock?.uid === command.version.uid &&
        lock?.resourceVersion === command.version.resourceVersion;
  if (!isCurrent) {
    return { to: world, outcome: { type: 'written', version: 'conflict' }, broken: undefined };
  }
  const to = store(world, command.record, lock?.uid ?? `uid-${world.written}`);
  const version = to.lock ?? 'conflict';
  return { to, outcome: { type: 'written', version }, broken: depose(world, by, command.record) };
}

function store(world: LeaseWorld, record: LeaderElectionRecord, uid: string): LeaseWorld {
  const written = world.written + 1;
  const lock: LockVersion = { record, resourceVersion: String(written), uid };
  return { ...remember(world, { type: 'seen', version: lock }), lock, written };
}

function remember(world: LeaseWorld, fact: Fact): LeaseWorld {
  return { ...world, facts: [...world.facts, fact].slice(-world.remembered) };
}

/** No write by another takes the Lease from an elector that is proven to lead. */
function depose(world: LeaseWorld, by: number, record: LeaderElectionRecord): Broken | undefined {
  const index = world.electors.findIndex((_, each) => each !== by && leads(world, each));
  if (index < 0 || index === world.excused) return undefined;
  if (elector(world, index).state.settings.identity === record.holderIdentity) return undefined;
  const text = `${letter(by)} writes the Lease while ${letter(index)} is proven to lead`;
  return { promise: 'LEASE-2', text };
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

function tick(world: LeaseWorld, asleep?: number): LeaseWorld {
  const electors = world.electors.map((each, index) => {
    const nowMs = each.nowMs + (index === asleep ? 0 : each.tickMs);
    const dateMs = each.dateMs + (each.wall === 'stands still' ? 0 : TICK_MS);
    return { ...each, nowMs, bootMs: each.bootMs + each.tickMs, dateMs };
  });
  return { ...world, electors };
}

function versionWords(version: LockVersion | undefined): string {
  if (!version) return 'no Lease';
  const { holderIdentity, leaseTransitions } = version.record;
  const index = IDENTITIES.findIndex((identity) => identity === holderIdentity);
  const holder = holderIdentity === '' ? 'nobody' : letter(index);
  return `${holder} (#${leaseTransitions}) @${version.resourceVersion}`;
}

function factWords(fact: Fact): string {
  return fact.type === 'seen' ? versionWords(fact.version) : 'the Lease is gone';
}

function requestWords(command: Request['command']): string {
  if (command.do !== 'update') return command.do;
  const verb = command.record.holderIdentity === '' ? 'release' : 'update';
  return `${verb} @${command.version.resourceVersion}`;
}

function answerWords(answer: Event): string {
  if (answer.type !== 'got' && answer.type !== 'written') return answer.type;
  return answer.version === 'conflict' ? '409' : versionWords(answer.version);
}

function becomesLeader(before: LeaseWorld, after: LeaseWorld, index: number): string {
  if (leads(before, index) || !leads(after, index)) return '';
  return `; LEADS, token ${elector(after, index).token ?? 0}`;
}
