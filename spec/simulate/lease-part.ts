import { handoverChecks } from './checks/handovers.ts';
import { steadyPace, variedPauses } from './checks/lease-pace.ts';
import {
  electorErrors,
  renewalBudget,
  timelyRequests,
  toldAbsence,
} from './checks/lease-requests.ts';
import {
  growingElectionTokens,
  lossesWithCause,
  noLateStart,
  oneElector,
  provenTerms,
  separateWork,
  steadyBelief,
  tokensOfWrites,
} from './checks/lease-terms.ts';
import { nothingHeld } from './checks/lease-withdrawal.ts';
import { leaseWrites } from './checks/lease-writes.ts';
import { electorRemains, electorRequests, missingRights } from './checks/requests.ts';
import { ClientGoCandidate, type ClientGoSlot } from './client-go-candidate.ts';
import { Containers } from './containers.ts';
import { duration } from './draw.ts';
import { giveBackQuota, leaseFaults, leaseInterruptions, leaseQuota } from './events/api-server.ts';
import { illness, leaseStepDowns } from './events/handovers.ts';
import { leaseDeletions, leaseEdits, leaseLabels, leave } from './events/lock.ts';
import {
  electorCuts,
  electorMishaps,
  gateways,
  heldWatches,
  lostConnections,
  refusedConnections,
} from './events/network.ts';
import { electorPods, electorPauses, processes } from './events/processes.ts';
import { calmElections } from './lease-calm.ts';
import { LeaseCandidate, type LeaseSlot } from './lease-candidate.ts';
import { type ElectorSlot, LeaseProcess, type Times } from './lease-process.ts';
import { withCare } from './care.ts';
import { Illnesses } from './illnesses.ts';
import type { Luck } from './luck.ts';
import type { Part } from './part.ts';
import { Process } from './process.ts';
import type { Setting } from './schedule.ts';
import { drawWebhook, webhookOf } from './webhook.ts';
import type { Slot, World } from './world.ts';

function times(leaseDurationMs: number, renewDeadlineMs: number, retryPeriodMs: number): Times {
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs };
}

/** Such as fit for fleets with client-go, by the rules of `docs/lease.md`. */
const FLEET_TIMES = [times(15_000, 10_000, 2_000), times(5_000, 3_000, 1_000)];
const OWN_TIMES = [
  ...FLEET_TIMES,
  times(15_000, 14_900, 2_000),
  times(4_000, 2_000, 500),
  times(2_000, 1_500, 700),
  times(1_000, 900, 300),
];

/** So that sums of fractions stay within it. */
const ROUNDING = 1 - 1e-9;

/** By how much the fastest clock may be faster than the slowest, as `docs/lease.md` says. */
function tolerated(slots: readonly ElectorSlot[]): number {
  const hasClientGo = slots.some(({ kind }) => kind === 'client-go');
  const ratios = slots.map(
    ({ kind, times: { leaseDurationMs, renewDeadlineMs, retryPeriodMs } }) => {
      if (kind === 'client-go') return leaseDurationMs / (renewDeadlineMs + retryPeriodMs);
      return (leaseDurationMs - (hasClientGo ? 1_000 : 0)) / renewDeadlineMs;
    },
  );
  return Math.max(Math.min(...ratios) * ROUNDING, 1);
}

/** Electors whose clocks differ by as much as is tolerated, at most and often exactly. */
function drawElectors(luck: Luck, count: number): ElectorSlot[] {
  const isFleet = luck.chance(0.45);
  const shared = luck.pick(isFleet ? FLEET_TIMES : OWN_TIMES);
  const areAlike = luck.chance(0.7);
  const slots = Array.from({ length: count }, (_, index) => {
    const own = luck.fork('slot', index);
    const given = areAlike ? shared : own.pick(isFleet ? FLEET_TIMES : OWN_TIMES);
    return isFleet && own.chance(0.5) ? drawClientGo(own, given) : drawLease(own, given);
  });
  const ratio = tolerated(slots);
  const areCoarse = luck.fork('coarse').chance(0.15);
  const slowest = luck.pick([1, 1, 0.7, 1 / ratio]);
  return slots.map((slot, index) => {
    const own = luck.fork('clock', index);
    const faster = own.pick([1, 1, ratio, ratio, 1 + own.number() * (ratio - 1)]);
    const startMs = own.pick([0, 0, 1_000_000_000]);
    const wallOffsetMs = own.pick([0, 0, 437, -86_400_000, 86_400_000]);
    const clock = { rate: slowest * faster, startMs, wallOffsetMs };
    const isCoarse = areCoarse && own.fork('coarse').chance(0.5);
    return { ...slot, clock: { ...clock, ...(isCoarse && { isCoarse }) } };
  });
}

const ownClock = { rate: 1, startMs: 0, wallOffsetMs: 0 };

function drawLease(luck: Luck, given: Times): LeaseSlot {
  const calls = luck.pick(['lead', 'lead', 'elector'] as const);
  return {
    kind: 'lease',
    clock: ownClock,
    times: given,
    calls,
    recampaign: calls === 'lead' && luck.chance(0.5),
    releaseOnCancel: luck.chance(0.7),
    workMs: calls === 'lead' && luck.chance(0.3) ? duration(luck, 30_000, 1) : 0,
    slownessMs: luck.pick([0, 0, 0, 100, 4_000, 25_000]),
    keepsIdentity: luck.chance(0.2),
    restartMs: duration(luck, 20_000, 200),
    asksTwice: luck.chance(0.1),
    ...(luck.fork('pod').chance(0.4) && { inPod: true }),
  };
}

function drawClientGo(luck: Luck, given: Times): ClientGoSlot {
  return {
    kind: 'client-go',
    clock: ownClock,
    times: given,
    releaseOnCancel: luck.chance(0.5),
    requestTimeoutMs: luck.pick([given.renewDeadlineMs / 2, given.renewDeadlineMs]),
    restartMs: duration(luck, 20_000, 200),
  };
}

/** What was left by whoever had the Lease before. */
function drawLeftOver(luck: Luck): object | undefined {
  const leaseDurationSeconds = luck.pick([1, 10]);
  const renewTime = '2025-12-31T23:59:59.000000Z';
  if (luck.chance(0.5)) return undefined;
  return luck.pick([
    { holderIdentity: 'before', leaseDurationSeconds, renewTime, leaseTransitions: 7 },
    { holderIdentity: 'before', renewTime },
    { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 7 },
    { leaseTransitions: 3 },
    {},
  ]);
}

const LATENCIES = [[0, 0] as const, [1, 5] as const, [1, 100] as const, [50, 2_000] as const];

/** Of requests: such that renewing is possible at all. */
function drawLatency(luck: Luck, slots: readonly ElectorSlot[]): readonly [number, number] {
  const most = Math.min(...slots.map(({ times: given }) => given.renewDeadlineMs / 5));
  return luck.pick(LATENCIES.filter(([, maxMs]) => maxMs <= most));
}

/** Two of ours may be given one identity by mistake; they depose each other whenever one begins. */
function withNamesakes(luck: Luck, slots: readonly ElectorSlot[]): readonly ElectorSlot[] {
  const ours = slots.filter(({ kind }) => kind === 'lease').slice(0, 2);
  if (ours.length < 2 || luck.chance(0.85)) return slots;
  return slots.map((slot) => (ours.includes(slot) ? { ...slot, isNamesake: true } : slot));
}

function drawSetting(luck: Luck): Setting {
  const troubleMs = luck.pick([20_000, 60_000, 60_000, 120_000]);
  const slots = drawElectors(luck.fork('electors'), luck.integer(2, 4));
  const moments = Array.from({ length: luck.integer(0, 3) }, () => luck.integer(0, troubleMs - 1));
  const calm = luck.chance(0.2);
  const webhook = drawWebhook(luck.fork('webhook'), slots);
  return {
    slots: withCare(luck.fork('care'), calm ? slots : withNamesakes(luck.fork('namesakes'), slots)),
    troubleMs,
    moments,
    calm,
    ...(webhook && { webhook }),
    latencyMs: drawLatency(luck, slots),
    gcDelayMs: 0,
    kubeletLagMs: luck.fork('kubelet').pick([0, 50, 1_500, 20_000]),
    leftOver: drawLeftOver(luck),
  };
}

/** An elector, in this process or one of its own; there need not be a Pod. */
export function bootElector(world: World, slot: Slot, within?: Process): LeaseProcess {
  const { index, podName, setting } = slot;
  const name = world.nextName(slot);
  const process = within ?? new Process(world, { name, podName, podUid: name }, setting.clock);
  const place = { slot: index, name };
  if (!within && setting['inPod'] === true)
    process.variables = world.observer(Containers).enter(slot);
  return setting.kind === 'client-go'
    ? new ClientGoCandidate(world, setting as ClientGoSlot, place, process)
    : new LeaseCandidate(world, setting as LeaseSlot, place, process);
}

/**
 * Whoever holds the Lease without living is waited for: 15 s by a clock of 0.7 of the world's rate or
 * more, and again by those who were cut off or learned of it late; a request that hangs takes 10 s; a
 * watch is opened again within 16 s, a process within 20 s; work that does not end, 25 s, keeps its
 * elector from the next term. Twice all of that is less than
 */
const BOUND_MS = 240_000;

/** Lease mode: processes that call `lead`, run a `LeaderElector`, or client-go's. */
export const leasePart: Part = {
  kinds: ['lease', 'client-go'],
  locks: [{ name: 'the Lease', kinds: ['lease', 'client-go'], boundMs: BOUND_MS }],
  families: [
    ...[processes, electorPauses, electorCuts, electorMishaps, leaseFaults, leaseInterruptions],
    ...[leaseLabels, leaseDeletions, leaseEdits, leaseQuota, gateways, heldWatches],
    ...[refusedConnections, electorPods, lostConnections, leaseStepDowns, illness],
  ],
  checks: [
    ...[oneElector, growingElectionTokens, tokensOfWrites, provenTerms, steadyBelief],
    ...[lossesWithCause, separateWork, leaseWrites, toldAbsence, electorRequests, renewalBudget],
    ...[timelyRequests, steadyPace, variedPauses, noLateStart, nothingHeld, electorErrors],
    ...[electorRemains, missingRights, ...handoverChecks],
  ],
  drawSetting,
  populate: (world) => {
    leave(world, world.schedule.setting['leftOver'] as object | undefined);
    world.webhook = webhookOf(world);
  },
  boot: (world, slot) => bootElector(world, slot),
  heal: (world) => {
    world.cluster.faults.clear();
    world.webhook = undefined;
    world.observer(Illnesses).cure();
    giveBackQuota(world);
    // Those of the other mode, too: an elector may run in one of them.
    for (const { process } of world.living) process.heal();
    for (const slot of world.slots) {
      const candidate = slot.setting.kind === 'life' ? undefined : world.boot(slot);
      if (candidate && !candidate.isBusy) candidate.start();
    }
  },
  calm: calmElections,
};
