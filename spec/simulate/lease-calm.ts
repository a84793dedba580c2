import { fallIll } from './calm-illness.ts';
import { Illnesses } from './illnesses.ts';
import { LeaseCandidate } from './lease-candidate.ts';
import { LeaseProcess } from './lease-process.ts';
import { LostRaces } from './lost-races.ts';
import type { World } from './world.ts';

/** By then a watch that had shown nothing is open again, also by the slowest clock. */
const SETTLE_MS = 300_000;

const IDLE_MS = 60_000;

/** Asking who is preferred, and leaving the Lease to them. */
const YIELDING_MS = 3_000;

/** The most that any clock is slower than the world's. */
const SLOWEST = 0.4;

const leasePlace = { name: 'the Lease', kinds: ['lease', 'client-go'], boundMs: 240_000 } as const;

/** By how much reads may come sooner where there is no watch. */
const POLL_JITTER = 0.2;

/**
 * Nothing goes wrong any more: whoever waits asks next to nothing, a leader writes once per period, a
 * release is taken at once, by its watch; and when all stop, nothing runs on.
 */
export async function calmElections(world: World): Promise<void> {
  // A watch that seems to be open, and is not, is only noticed by its silence.
  world.cluster.faults.cutWatches();
  await world.pass(SETTLE_MS);
  if (!world.isBroken()) await idle(world);
  if (!world.isBroken()) await handOver(world);
  if (!world.isBroken()) await fallIll(world, leasePlace, SLOWEST);
  if (!world.isBroken()) await end(world);
}

function electors(world: World): LeaseProcess[] {
  return world.living.filter((who): who is LeaseProcess => who instanceof LeaseProcess);
}

/** Whether it is shown what happens: it may watch, and no proxy holds back what there is to see. */
function hasWatch({ sightings, passedOfWatches }: LeaseProcess): boolean {
  return !sightings.isUnwatched && passedOfWatches === undefined;
}

/** Whoever neither gains nor loses in this time sends no more than is due. */
async function idle(world: World): Promise<void> {
  const before = electors(world);
  // A watch that shows nothing is opened anew only after minutes.
  const watching = new Set(
    before.filter((who) => hasWatch(who) && who.sightings.unwatchedSinceMs === undefined),
  );
  const leader = before.find((who) => who.isValid);
  let isQuiet = leader !== undefined;
  const leave = world.listen((fact) => {
    if (!('who' in fact) || fact.who.kind === 'life') return;
    if (fact.type === 'leads' || fact.type === 'ended' || fact.type === 'asked') isQuiet = false;
  });
  const watches = world.countRequests(({ verb }) => verb === 'watch');
  const others = world.countRequests(({ verb }) => verb !== 'watch');
  await world.pass(IDLE_MS);
  for (const end of [leave, watches.end, others.end]) end();
  if (!isQuiet) return;
  world.figures.add('idle stretches');
  for (const who of before) {
    if (!(who instanceof LeaseCandidate) || !who.isAlive) continue;
    const { retryPeriodMs } = who.setting.times;
    const periods = Math.ceil((IDLE_MS * who.setting.clock.rate) / retryPeriodMs);
    const reads = watching.has(who) && hasWatch(who) ? 0 : Math.ceil(periods / (1 - POLL_JITTER));
    // The holder's Pod, and its own.
    const pods = who.setting.inPod === true ? 2 : 1;
    const most = 1 + pods + (who === leader ? periods : reads);
    const sent = others.counts.get(who) ?? 0;
    if (sent > most)
      world.violated('idle budget', `${who.name} sent ${sent} requests, not ${most}`);
    const opened = watches.counts.get(who) ?? 0;
    if (opened > 1 + pods) world.violated('idle budget', `${who.name} opened ${opened} watches`);
  }
}

/** Its work ends, and another one is there in milliseconds. */
async function handOver(world: World): Promise<void> {
  const leader = electors(world).find((who) => who.isValid);
  if (!(leader instanceof LeaseCandidate)) return;
  const { calls, releaseOnCancel, slownessMs } = leader.setting;
  const isAsked = world.luck.fork('hands over').chance(0.25) && slownessMs === 0;
  if (!isAsked && calls === 'elector' && (!releaseOnCancel || slownessMs > 0)) return;
  const illnesses = world.observer(Illnesses);
  const waiting = electors(world).filter(
    (who) => who !== leader && who.isBusy && !illnesses.isIncurable(who.slot),
  );
  const ours = waiting.filter((who) => who instanceof LeaseCandidate);
  if (ours.length === 0) return;
  let isTaken = false;
  world.listen((fact) => {
    if (fact.type === 'leads' && fact.who instanceof LeaseProcess) isTaken = true;
  });
  const [, latencyMs] = world.schedule.setting.latencyMs;
  const slowest = Math.min(...waiting.map(({ setting }) => setting.clock.rate));
  const areBlind = !ours.some((who) => hasWatch(who));
  const lookMs = areBlind ? Math.max(...ours.map((who) => unseenMs(who, leader))) : 0;
  // A renewal that is under way, the release, the attempt; timers need not be earlier.
  const yieldMs = ours.some(({ preferring }) => preferring) ? YIELDING_MS : 0;
  const races = world.observer(LostRaces);
  const spreadMs = Math.min(...ours.map((who) => races.spreadMs(who)));
  const boundMs = (spreadMs + lookMs + yieldMs) / slowest + (areBlind ? 6 : 3) * latencyMs + 10;
  world.figures.add(areBlind ? 'calm handovers without a watch' : 'calm handovers');
  if (isAsked) leader.stepDown();
  else leader.finish();
  const hasTaken = () => isTaken;
  await world.advanceTo(world.clock.now() + boundMs, hasTaken);
  if (!hasTaken()) {
    world.violated('calm handover', `nobody leads ${boundMs} ms after ${leader.name} released`);
  }
}

/**
 * How long a release may stay unseen without a watch. A proxy that passes the first events of each watch
 * makes it look like one, until a Lease that it shows should have been renewed.
 */
function unseenMs(who: LeaseCandidate, leader: LeaseCandidate): number {
  const { retryPeriodMs } = who.setting.times;
  const { leaseDurationMs } = leader.setting.times;
  return who.passedOfWatches === 'first' ? leaseDurationMs + 2 * retryPeriodMs : retryPeriodMs;
}

/** Everybody stops; calls end, and leave nothing. */
async function end(world: World): Promise<void> {
  world.tellAll({ type: 'phase', phase: 'end' });
  for (const who of electors(world)) {
    who.cancel();
    who.retire();
  }
  await world.pass(120_000);
  for (const who of electors(world)) {
    if (who.isBusy && !world.isBroken()) world.violated('end', `${who.name} does not stop`);
  }
}
