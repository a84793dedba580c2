import { handoverChecks } from './checks/handovers.ts';
import { dueWarnings, noSecrets, promptWithdrawals, typedErrors } from './checks/life-calls.ts';
import { verifiedDeletes } from './checks/life-deletes.ts';
import { growingTokens, onRecord, oneLeader, releasedInTruth, wanted } from './checks/life-lock.ts';
import { boundedBackoff, heededRetryAfter, steadyLooks } from './checks/life-pace.ts';
import { missingRights, nothingRemains, patience, silence } from './checks/requests.ts';
import { duration } from './draw.ts';
import {
  nodes,
  quota,
  giveBackQuota,
  refusals,
  rights,
  tokens,
  watches,
} from './events/api-server.ts';
import { illness, lifeStepDowns } from './events/handovers.ts';
import { collector, foreign, meddling, releaseHold, removeForeign } from './events/lock.ts';
import {
  gateways,
  heldWatches,
  lostConnections,
  mishaps,
  partitions,
  refusedConnections,
} from './events/network.ts';
import { pauses, podEnds, processes } from './events/processes.ts';
import {
  dyingLocks,
  inheritedWaits,
  lateReleases,
  overlappingCalls,
  overlappingReleases,
  strandedCreates,
} from './events/sequences.ts';
import { healingBoundMs } from './healing.ts';
import { calmLife } from './life-calm.ts';
import { LifeCandidate, type LifeSlot } from './life-candidate.ts';
import { withCare } from './care.ts';
import { Illnesses } from './illnesses.ts';
import type { Luck } from './luck.ts';
import type { Part } from './part.ts';
import { Process } from './process.ts';
import type { ClockSetting, Setting } from './schedule.ts';
import { sightingsForLife } from './life-sightings.ts';
import type { Slot, World } from './world.ts';

/** Clocks of machines: nothing of leader for life rests on them. */
function drawClock(luck: Luck): ClockSetting {
  return {
    rate: luck.pick([1, 1, 1, 0.5, 0.9, 1.1, 2]),
    startMs: luck.pick([0, 0, 1_000_000]),
    wallOffsetMs: luck.pick([0, 0, -86_400_000, 86_400_000]),
  };
}

function drawSlot(luck: Luck, index: number): LifeSlot {
  // Somebody has to be set up well, or nobody could ever lead.
  const isWrong = index > 0 && luck.fork('wrong UID').chance(0.04);
  const uid = luck.pick(['told', 'told', 'told', 'asked'] as const);
  return {
    kind: 'life',
    clock: drawClock(luck),
    uid: isWrong ? 'wrong' : uid,
    guard: luck.chance(0.3),
    maxBackoffMs: luck.pick([16_000, 16_000, 1_000, 60_000]),
    restartMs: duration(luck, 20_000),
  };
}

function drawSetting(luck: Luck): Setting {
  const troubleMs = luck.pick([5_000, 10_000, 20_000, 30_000, 60_000]);
  const few = luck.integer(2, 4);
  const crowd = luck.fork('crowd');
  const slots = crowd.chance(0.015) ? crowd.integer(6, 12) : few;
  const drawn = Array.from({ length: slots }, (_, at) => drawSlot(luck.fork('slot', at), at));
  return {
    slots: withCare(luck.fork('care'), drawn),
    troubleMs,
    moments: Array.from({ length: luck.integer(0, 3) }, () => luck.integer(0, troubleMs - 1)),
    calm: luck.chance(0.2),
    latencyMs: luck.pick([
      [0, 0],
      [1, 5],
      [1, 100],
      [50, 2_000],
    ]),
    gcDelayMs: luck.pick([0, 0, 10, 1_000, 2_000, 5_000]),
    keepsEnded: luck.chance(0.3),
    renames: luck.fork('renames').chance(0.3),
  };
}

/** As the Pods of Jobs do, whose work is done; unless nobody would be left who can lead. */
function staysEnded(world: World, { index }: Slot): boolean {
  const { schedule, living, pods } = world;
  const illnesses = world.observer(Illnesses);
  return (
    schedule.setting['keepsEnded'] === true &&
    living.some(
      (other) =>
        other.slot !== index &&
        other instanceof LifeCandidate &&
        other.setting.uid !== 'wrong' &&
        (other.isWaiting || other.isValid) &&
        !pods.state(other.podUid).isDeleting &&
        !pods.state(other.podUid).hasFinalPhase &&
        !illnesses.isIncurable(other.slot),
    )
  );
}

/** Leader for life: Pods that call `become`. */
export const lifePart: Part = {
  kinds: ['life'],
  locks: [{ name: 'the lock for life', kinds: ['life'], boundMs: healingBoundMs }],
  families: [
    ...[processes, podEnds, pauses, partitions, mishaps, refusals, watches, tokens, collector],
    ...[meddling, nodes, foreign, quota, rights, overlappingReleases, strandedCreates, dyingLocks],
    ...[overlappingCalls, gateways, lateReleases, inheritedWaits, heldWatches, refusedConnections],
    ...[lostConnections, lifeStepDowns, illness],
  ],
  checks: [
    ...[oneLeader, onRecord, wanted, growingTokens, verifiedDeletes, releasedInTruth, silence],
    ...[patience, typedErrors, dueWarnings, missingRights, noSecrets, boundedBackoff],
    ...[heededRetryAfter, nothingRemains, steadyLooks, promptWithdrawals],
    ...handoverChecks,
  ],
  drawSetting,
  populate: (world) => {
    for (const { podName, setting } of world.slots) {
      if (setting.kind === 'life') world.pods.create(podName);
    }
    world.listen(sightingsForLife(world));
  },
  boot: (world, slot) => {
    const { cluster, pods } = world;
    const { setting } = slot;
    const found = cluster.getPod(slot.podName);
    if (!found) pods.create(pods.nextName(slot));
    else if (pods.state(found.metadata.uid).isOver) {
      if (staysEnded(world, slot)) return undefined;
      pods.succeed(slot);
    }
    const pod = cluster.getPod(slot.podName);
    if (!pod) return undefined;
    const { name: podName, uid } = pod.metadata;
    // Nothing starts in a Pod that has to go.
    if (pods.state(uid).isDeleting || pod.status?.phase !== 'Running') return undefined;
    if (pods.restartsInMs(uid) > 0) return undefined;
    const name = world.nextName(slot);
    const place = { slot: slot.index, name };
    const process = new Process(world, { name, podName, podUid: uid }, setting.clock);
    return new LifeCandidate(world, setting as LifeSlot, place, process);
  },
  heal: (world) => {
    const { cluster } = world;
    cluster.faults.clear();
    giveBackQuota(world);
    cluster.garbageCollector.delayMs = 0;
    cluster.garbageCollector.start();
    world.observer(Illnesses).cure();
    for (const candidate of world.living) {
      if (!(candidate instanceof LifeCandidate)) continue;
      candidate.process.heal();
      // What was refused for want of a right is not asked for again: whoever mends a Role has
      // programs begin anew.
      if (candidate.isDegraded) candidate.cancel();
    }
    // Nor of what is refused by an answer that was sent before, and comes only now.
    world.listen((fact) => {
      if (fact.type !== 'warned' || fact.code !== 'LEADER_FOR_LIFE_DEGRADED') return;
      const { who } = fact;
      if (who instanceof LifeCandidate) world.later(0, () => who.cancel());
    });
    if (world.truth.lock?.hasFinalizers) releaseHold(world);
    removeForeign(world);
    for (const slot of world.slots) {
      if (slot.setting.kind !== 'life') continue;
      const candidate = world.boot(slot);
      if (!(candidate instanceof LifeCandidate)) continue;
      // Also while it still releases what it led with.
      if (!candidate.isWaiting && !candidate.isValid) candidate.start();
    }
  },
  calm: calmLife,
};
