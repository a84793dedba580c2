/** What surrounds the electors of lease mode: a Lease, clocks, and an API server that carries out requests. */
import type {
  HolderContainer,
  LeaderElectionRecord,
  LockVersion,
} from '../../lib/protocol/lease/record.ts';
import {
  type Command,
  type Event,
  type Hint,
  type Settings,
  type State,
  holderOf,
  start,
} from '../../lib/protocol/lease/state.ts';
import { step } from '../../lib/protocol/lease/step.ts';
import { provenMs } from '../../lib/protocol/validity.ts';
import { type Barred, barsOf, brokenBy } from './bars.ts';
import { letter } from './bounds.ts';
import type { Moment } from './encoding.ts';
import type { Broken } from './explorer.ts';

/** How often something may happen, in all. */
export const NOTHING = {
  /** Of two seconds by the slowest clock. Infinity: time has no end. */
  ticks: 3,
  /** Campaigns after the first one of a process. */
  again: Infinity,
  /** Requests that are given up; a write of these may be carried out later. */
  lost: 0,
  /** Writes that the network carries out twice. */
  doubled: 0,
  /** Requests that are answered later than they are carried out. */
  slow: 0,
  /** Requests that are refused, and certainly were not carried out. */
  refused: 0,
  /** Processes that end at any moment, and begin again under the same identity. */
  restarts: 0,
  /** The same with their containers, of whose end the others may be told at any time. */
  ends: 0,
  /** Calls that are aborted, and terms whose work ends: they release the Lease. */
  finishes: 0,
  /** Leaders that step down: they release, and stand aside. */
  stepDowns: 0,
  /** Electors whose health check fails, until it passes again. */
  illnesses: 0,
  /** Watches that end, or open. */
  watches: 0,
  /** A machine that is suspended for a tick. */
  suspensions: 0,
  /** The Lease is deleted by hand. */
  deletions: 0,
  /** Its holder is emptied by hand, as a client-go that is late does. */
  wipes: 0,
  /** The webhook is installed, or removed. */
  webhooks: 0,
};

export type Left = Readonly<typeof NOTHING>;

/** What does not change. */
export interface Fixed {
  /** How many of the last versions of the Lease a watch may tell of. */
  readonly remembered: number;
  /** Whether the second elector is another process with the identity of the first one. */
  readonly namesakes: boolean;
  /** Whether each process says in which container it runs. */
  readonly contained: boolean;
  /** Whether the others are preferred to the second elector. */
  readonly yields: boolean;
  /** What an admission webhook changes in what is written: the duration, or the time of a renewal. */
  readonly webhook: 'shortens' | 'stamps';
}

export interface LeaseBounds extends Left, Fixed {
  readonly electors: number;
  /** What the wall clock of the first elector does. */
  readonly wall: 'goes' | 'stands still' | 'is late';
  /** Whether the other electors ask for leases that are longer than the first one's. */
  readonly leases: 'alike' | 'longer';
}

/** What surrounds `step` in the library, and can be taken out. */
export interface Electing {
  /** A write replaces exactly the version that it names. */
  readonly isConditional: boolean;
  /** A leader goes by its clock, and not by what it is told. */
  readonly isJudged: boolean;
  /** An elector that campaigns again knows what it has seen. */
  readonly remembers: boolean;
  /** The end of one container says nothing about the next one of its name. */
  readonly tellsContainersApart: boolean;
}

export const SHIPPED: Electing = {
  isConditional: true,
  isJudged: true,
  remembers: true,
  tellsContainersApart: true,
};

/** One leader whose clock is as slow as is tolerated, beside others. */
export const SLOW_TICK_MS = 2_000;

export const TICK_MS = 3_000;

export const DURATIONS = { leaseDurationMs: 6_000, renewDeadlineMs: 4_000, retryPeriodMs: 2_000 };

export const LONGER = { leaseDurationMs: 12_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/** One identity begins like the others. */
export const IDENTITIES = ['pod', 'pod-1', 'pod-2', 'pod-3'] as const;

export const WALL_MS = Date.UTC(2026, 0, 1);

/** A tick by any clock but the slowest. */
const SHORTENED_SECONDS = 3;

const STAMPED = '2020-01-01T00:00:00.000000Z';

type Write = Command & { do: 'create' | 'update' };

export interface Request {
  readonly command: Command & { do: 'get' | 'create' | 'update' };
  /** Undefined until the API server has carried it out. */
  readonly answer?: Event | undefined;
}

export interface Elector extends Moment, Barred {
  readonly wall: LeaseBounds['wall'];
  readonly state: State;
  readonly request: Request | undefined;
  readonly watching: boolean;
  /** By which version its term began. */
  readonly token: number | undefined;
  /** How many containers it has had before. */
  readonly life: number;
}

type Fact = Hint & { type: 'seen' | 'gone' };

export interface LeaseWorld {
  readonly electors: readonly Elector[];
  readonly lock: LockVersion | undefined;
  /** What happened to the lock last, which watches tell of, in whatever order. */
  readonly facts: readonly Fact[];
  /** Writes that were given up or made twice, and may be carried out at any time. */
  readonly late: readonly { readonly by: number; readonly life: number; readonly write: Write }[];
  readonly written: number;
  /** The largest token of any term so far. */
  readonly token: number;
  /** Had the Lease when somebody else emptied it, until it has to renew. */
  readonly excused: number | undefined;
  readonly terms: number;
  readonly fixed: Fixed;
  readonly electing: Electing;
  /** The webhook is installed. */
  readonly isAltering: boolean;
  readonly left: Left;
}

export function begin(
  settings: Settings,
  clock: Moment & Pick<Elector, 'wall'>,
  watching: boolean,
  known?: State,
): Elector {
  const { nowMs, bootMs, dateMs, tickMs, wall } = clock;
  const state = start(settings, { nowMs, bootMs, dateMs, random: 0 }, known);
  const moment = { nowMs, bootMs, dateMs, tickMs, wall };
  const life = 0;
  return withRequest({ state, request: undefined, watching, token: undefined, life, ...moment });
}

/** What the state asks for is sent at once. */
function withRequest(elector: Elector): Elector {
  const { command } = elector.state;
  const isRequest = command.do === 'get' || command.do === 'create' || command.do === 'update';
  return { ...elector, request: isRequest ? { command } : undefined };
}

export function elector(world: Pick<LeaseWorld, 'electors'>, index: number): Elector {
  const found = world.electors[index];
  if (!found) throw new Error(`there is no elector ${index}`);
  return found;
}

/** As `Term` judges it, whoever asks. */
export function leads(world: Pick<LeaseWorld, 'electors' | 'electing'>, index: number): boolean {
  const { state, ...moment } = elector(world, index);
  const { phase, renewedAt, deadlineMs } = state;
  if (phase !== 'leading' || !renewedAt) return false;
  return !world.electing.isJudged || provenMs(renewedAt, deadlineMs, moment) > 0;
}

export function change(world: LeaseWorld, index: number, changed: Partial<Elector>): LeaseWorld {
  const electors = world.electors.with(index, { ...elector(world, index), ...changed });
  return { ...world, electors };
}

/** One step of the shipped protocol. */
export function advance(world: LeaseWorld, index: number, event: Event): LeaseWorld {
  const before = elector(world, index);
  const { nowMs, bootMs, dateMs } = before;
  // Namesakes draw different numbers, or their records could be the same.
  const random = world.fixed.namesakes ? index / 8 : 0;
  const moment = { nowMs, bootMs, dateMs, random, ...barsOf(before) };
  const state = step(before.state, event, moment);
  const begins = state.phase === 'leading' && before.state.phase === 'following';
  const token = begins ? Number(state.version?.resourceVersion) : before.token;
  const stays = state.command === before.state.command && before.request;
  const { command, phase } = state;
  const isWrite = command.do === 'create' || command.do === 'update';
  const brokenBar = brokenBy(before, before.state, state, {
    isTaking: phase === 'following' && isWrite && command !== before.state.command,
    isFree: holderOf(before.state) === '' && holderOf(state) === '' && event.type !== 'gone',
  });
  // Another one leads: there is no need to stand aside any more.
  const isOthers = !['', state.settings.identity].includes(holderOf(state));
  const asideUntilMs = isOthers ? undefined : before.asideUntilMs;
  const after = {
    ...{ ...before, state, brokenBar, asideUntilMs },
    token: phase === 'leading' ? token : undefined,
  };
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

interface Outcome {
  readonly to: LeaseWorld;
  readonly outcome: Event & { type: 'got' | 'written' };
  readonly broken: Broken | undefined;
}

/** What the API server does about a request. */
export function carryOut(
  world: LeaseWorld,
  by: number,
  command: Request['command'],
  life = elector(world, by).life,
): Outcome {
  const { lock } = world;
  if (command.do === 'get') {
    return { to: world, outcome: { type: 'got', version: lock }, broken: undefined };
  }
  const isCurrent = command.do === 'create' ? !lock : replaces(world, command.version);
  if (!isCurrent) {
    return { to: world, outcome: { type: 'written', version: 'conflict' }, broken: undefined };
  }
  const record = admitted(world, command.record);
  const to = store(world, record, lock?.uid ?? `uid-${world.written}`, { by, life });
  const version = to.lock ?? 'conflict';
  return { to, outcome: { type: 'written', version }, broken: depose(world, by, command.record) };
}

function replaces({ lock, electing }: LeaseWorld, version: LockVersion): boolean {
  if (!electing.isConditional) return lock !== undefined;
  return lock?.uid === version.uid && lock?.resourceVersion === version.resourceVersion;
}

/** What the webhook makes of a record. */
function admitted(
  { isAltering, fixed }: LeaseWorld,
  record: LeaderElectionRecord,
): LeaderElectionRecord {
  if (!isAltering || record.holderIdentity === '') return record;
  return fixed.webhook === 'shortens'
    ? { ...record, leaseDurationSeconds: SHORTENED_SECONDS }
    : { ...record, renewTime: STAMPED };
}

export function store(
  world: LeaseWorld,
  record: LeaderElectionRecord,
  uid: string,
  by?: { readonly by: number; readonly life: number },
): LeaseWorld {
  const written = world.written + 1;
  // Only where one name does not tell it.
  const writer = world.fixed.namesakes && by && { object: { by: by.by } };
  const container = world.fixed.contained && by && record.holderIdentity !== '' && containerOf(by);
  const lock: LockVersion = {
    record,
    resourceVersion: String(written),
    uid,
    ...writer,
    ...(container && { container }),
  };
  return { ...remember(world, { type: 'seen', version: lock }), lock, written };
}

function containerOf({
  by,
  life,
}: {
  readonly by: number;
  readonly life: number;
}): HolderContainer {
  const containerName = `container-${by}`;
  const containerId = `${containerName}-${life}`;
  return { podName: '', podUid: '', containerName, containerId, since: '' };
}

/** Whether the API server says that this container has ended. */
export function hasEnded({ electors, electing }: LeaseWorld, container: HolderContainer): boolean {
  return electors.some(({ life }, by) =>
    Array.from({ length: life }, (_, ended) => containerOf({ by, life: ended })).some((ended) =>
      electing.tellsContainersApart
        ? ended.containerId === container.containerId
        : ended.containerName === container.containerName,
    ),
  );
}

export function remember(world: LeaseWorld, fact: Fact): LeaseWorld {
  return { ...world, facts: [...world.facts, fact].slice(-world.fixed.remembered) };
}

/** No write by another takes the Lease from an elector that is proven to lead. */
function depose(world: LeaseWorld, by: number, record: LeaderElectionRecord): Broken | undefined {
  const index = world.electors.findIndex((_, each) => each !== by && leads(world, each));
  if (index < 0 || index === world.excused) return undefined;
  if (elector(world, index).state.settings.identity === record.holderIdentity) return undefined;
  // What was taken from the leader before, by somebody's hand, is not taken from it now.
  const own = elector(world, by).state.settings.identity;
  if (world.lock?.record.holderIdentity === own) return undefined;
  const text = `${letter(by)} writes the Lease while ${letter(index)} is proven to lead`;
  return { promise: 'LEASE-2', text };
}

export function versionWords(version: LockVersion | undefined): string {
  if (!version) return 'no Lease';
  const { holderIdentity, leaseTransitions } = version.record;
  const index = IDENTITIES.findIndex((identity) => identity === holderIdentity);
  const holder = holderIdentity === '' ? 'nobody' : letter(index);
  return `${holder} (#${leaseTransitions}) @${version.resourceVersion}`;
}

export function factWords(fact: Fact): string {
  return fact.type === 'seen' ? versionWords(fact.version) : 'the Lease is gone';
}

export function requestWords(command: Request['command']): string {
  if (command.do !== 'update') return command.do;
  const verb = command.record.holderIdentity === '' ? 'release' : 'update';
  return `${verb} @${command.version.resourceVersion}`;
}

export function answerWords(answer: Event): string {
  if (answer.type !== 'got' && answer.type !== 'written') return answer.type;
  return answer.version === 'conflict' ? '409' : versionWords(answer.version);
}
