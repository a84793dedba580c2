import type { FaultRule } from '../../lib/testing/index.ts';
import { fallIll } from './calm-illness.ts';
import { Illnesses } from './illnesses.ts';
import { LifeCandidate } from './life-candidate.ts';
import { healingBoundMs } from './healing.ts';
import type { World } from './world.ts';

/** By then every watch is open again, and every look that was planned in trouble is over. */
const SETTLE_MS = 60 * 60_000;

const IDLE_MS = 10 * 60_000;

/** In that time: a look at the lock, its holder and the crowd, and each watch opened once more. */
const MOST_IDLE = 12;

/** Requests of a look without a watch. */
const POLL = 3;

/** A watch that shows nothing is opened again after this long at the earliest, by its process's clock. */
const REOPENED_MS = 150_000;

/** Each time the lock's and its holder's are, and a look follows when they open and when they end. */
const REOPENING = 2 * (1 + 2 * POLL);

/** The most that any clock is slower than the world's. */
const SLOWEST = 0.5;

const lifePlace = { name: 'the lock for life', kinds: ['life'], boundMs: healingBoundMs } as const;

/** How long a lock outlives its holder before candidates delete it; `docs/protocol.md` says so. */
const GRACE_MS = 2_000;

/** For looks that are put off, and timers that need not be earlier. */
const SLACK_MS = 250;

/** How long a Pod that is deleted in the foreground runs on. */
const FOREGROUND_MS = 5_000;

/** How leadership passes on, and what it takes: requests one after the other, and a wait. */
const ways = [
  { name: 'released', requests: 6, waitMs: 0 },
  { name: 'collected', requests: 6, waitMs: 0 },
  { name: 'completed', requests: 10, waitMs: 0 },
  { name: 'uncollected', requests: 14, waitMs: GRACE_MS },
  { name: 'deleted in the foreground', requests: 10, waitMs: FOREGROUND_MS },
] as const;

type Way = Omit<(typeof ways)[number], 'name' | 'waitMs'> & {
  readonly name: (typeof ways)[number]['name'] | 'stepped down' | 'ill';
  readonly waitMs: number;
};

/** Of its own accord, or because its health check fails: then its work takes its time. */
function handovers({ checkup, setting }: LifeCandidate): readonly Way[] {
  const called = { name: 'stepped down', requests: 6, waitMs: 0 } as const;
  if (!checkup) return [called];
  const { periodMs, timeoutMs, threshold } = checkup.setting;
  const waitMs = (threshold + 1) * (periodMs + timeoutMs) + (setting.slownessMs ?? 0);
  return [called, { name: 'ill', requests: 6, waitMs }];
}

/** Asking who is preferred, and leaving the lock to them. */
const YIELDING_MS = 3_000;

/** Silence is noticed after 150 s, and a look follows. */
const SILENCE_MS = 170_000;

/** How long after they were asked for watches open, where they are late. */
const OPENING_MS = 2_000;

/** What watches are like when it passes on, and how much longer it may take therefore. */
const sights = [
  { name: 'open', waitMs: 0 },
  { name: 'open', waitMs: 0 },
  /** They are opened again, and a look follows. */
  { name: 'cut', waitMs: 3_000 },
  { name: 'silent', waitMs: SILENCE_MS },
  /** They open and never show anything: a waiting candidate looks every `maxBackoffMs`. */
  { name: 'held back', waitMs: 0 },
  /** Nobody knows what happens until they are open. */
  { name: 'late', waitMs: OPENING_MS },
] as const;

/**
 * Nothing goes wrong any more: whoever waits asks next to nothing, the lock is taken in milliseconds
 * after it could be, by what watches tell; and when all stop, nothing runs on.
 */
export async function calmLife(world: World): Promise<void> {
  await world.pass(SETTLE_MS);
  if (!world.isBroken()) await idle(world);
  if (!world.isBroken()) await handOver(world);
  if (!world.isBroken()) await fallIll(world, lifePlace, SLOWEST);
  if (!world.isBroken()) await end(world);
}

function candidates(world: World): LifeCandidate[] {
  return world.living.filter((who): who is LifeCandidate => who instanceof LifeCandidate);
}

async function idle(world: World): Promise<void> {
  const { counts, end } = world.countRequests(() => true);
  await world.pass(IDLE_MS);
  end();
  world.figures.add('idle stretches');
  for (const who of candidates(world)) {
    // A guard that may not watch looks time and again.
    if (who.isDegraded && who.isValid) continue;
    const sent = counts.get(who) ?? 0;
    // Who may not watch polls instead.
    const pauseMs = 0.8 * who.setting.maxBackoffMs * SLOWEST;
    const isBlind = who.passedOfWatches !== undefined;
    const polls = who.isDegraded || isBlind ? Math.ceil(IDLE_MS / pauseMs) : 0;
    const reopenings = isBlind ? Math.ceil(IDLE_MS / (REOPENED_MS * SLOWEST)) : 0;
    // Each call of a program waits by itself.
    const most =
      (MOST_IDLE + POLL * polls + REOPENING * reopenings) * Math.max(who.remains.calls, 1);
    if (sent <= most) continue;
    world.violated('idle budget', `${who.name} sent ${sent} requests, not ${most} at most`);
  }
}

async function handOver(world: World): Promise<void> {
  const leader = candidates(world).find((who) => who.isValid);
  if (!leader) return;
  const { podUid } = leader;
  // Who was refused a right in the last moment of trouble polls, or does not see a Pod end.
  const illnesses = world.observer(Illnesses);
  const isReady = (who: LifeCandidate) =>
    who.isWaiting &&
    !who.isDegraded &&
    !illnesses.isIncurable(who.slot) &&
    who.setting.uid !== 'wrong';
  const ready = candidates(world).filter((who) => isReady(who) && who.podUid !== podUid);
  if (ready.length === 0) return;
  const luck = world.luck.fork('calm');
  const isAsked = luck.fork('hands over').chance(0.25);
  const drawn = isAsked ? luck.fork('by itself').pick(handovers(leader)) : luck.pick(ways);
  // Whoever has not seen the lock knows nothing of a Pod that outlasts it.
  const mustSee = drawn.name === 'deleted in the foreground';
  const yieldMs = ready.some(({ preferring }) => preferring) ? YIELDING_MS : 0;
  const sight = luck.pick(mustSee ? sights.slice(0, -1) : sights);
  const openingMs = sight.name === 'late' ? OPENING_MS : 0;
  // Of the end of a Pod its own watch tells, too.
  const way: Way = openingMs > 0 ? ways[0] : drawn;
  let haveBegun = false;
  let isTaken = false;
  world.listen((fact) => {
    if (fact.type === 'leads' && fact.who.kind === 'life') isTaken = true;
  });
  const [, latencyMs] = world.schedule.setting.latencyMs;
  // Whoever has only just asked reads and watches meanwhile.
  if (openingMs > 0 || (!mustSee && luck.chance(0.4))) {
    const late: FaultRule = { verb: 'watch', resource: 'configmaps', latencyMs: openingMs };
    if (openingMs > 0) world.cluster.faults.add(late);
    await restartWaiting(world, podUid, luck.integer(0, openingMs / 2 + 4 * latencyMs + 5));
    haveBegun = true;
  }
  const isHeldBack = sight.name === 'held back';
  const isSilent = sight.name === 'silent' || isHeldBack;
  if (isSilent) world.cluster.faults.add({ verb: 'watch', freeze: true });
  if (sight.name === 'cut' || isHeldBack) world.cluster.faults.cutWatches();
  // Whoever starts would find out by asking: those who wait have to notice the silence.
  const startAgain = isSilent ? world.supervisor.hold() : () => undefined;
  if (isHeldBack) {
    world.holdsWatchesBack = true;
    const sinceMs = luck.pick([0, 10_000, 400_000]);
    await world.pass(sinceMs);
  }
  const isOrphaned = world.truth.lock?.isOrphaned ?? false;
  endTerm(world, leader, way.name);
  if (mustSee && luck.chance(0.5)) {
    // The next holder waits for the end of the last; so does its next process.
    const isNext = () => isHeldByNext(world, podUid);
    await world.advanceTo(world.clock.now() + FOREGROUND_MS, isNext);
    if (isNext()) {
      await restartWaiting(world, podUid, luck.integer(0, FOREGROUND_MS));
      haveBegun = true;
    }
  }
  world.figures.add(`calm handovers: ${way.name}`);
  world.figures.add(`calm handovers: watches ${sight.name}`);
  // What has no owner any more is collected by nobody.
  const orphanMs = isOrphaned ? GRACE_MS : 0;
  const requests = way.requests + 6 + (isOrphaned ? 6 : 0);
  // A proxy that nobody mends holds back what they would be shown; who begins does not know that yet.
  const areBlind = ready.every((who) => who.passedOfWatches !== undefined);
  const polls = isHeldBack || areBlind ? looksOf(way.name) : 0;
  const noticeMs = areBlind && haveBegun ? SILENCE_MS : 0;
  const lookMs = noticeMs + longestPauseMs(world) * polls;
  const waitMs = way.waitMs + sight.waitMs + lookMs + orphanMs + yieldMs + SLACK_MS;
  const boundMs = requests * latencyMs + waitMs / SLOWEST;
  const hasTaken = () => isTaken;
  await world.pass(boundMs, hasTaken);
  world.cluster.faults.clear();
  startAgain();
  if (hasTaken() || world.isBroken()) return;
  const whose = `the lock of ${leader.name} was ${way.name}, with watches ${sight.name}`;
  world.violated('calm handover', `nobody leads ${boundMs} ms after ${whose}`);
}

/** The longest pause between the looks of a candidate without a watch. */
function longestPauseMs(world: World): number {
  return Math.max(...candidates(world).map(({ setting }) => setting.maxBackoffMs));
}

/** The looks that it takes without a watch: to see the holder gone, and to see that its lock is. */
function looksOf(way: Way['name']): number {
  return ['released', 'stepped down', 'ill', 'collected'].includes(way) ? 1 : 2;
}

function isHeldByNext(world: World, leaderUid: string): boolean {
  const { lock } = world.truth;
  return lock !== undefined && lock.holderUid !== '' && lock.holderUid !== leaderUid;
}

/** Everybody who waits has only just begun to. */
async function restartWaiting(world: World, leaderUid: string, sinceMs: number): Promise<void> {
  for (const who of candidates(world)) {
    if (who.podUid === leaderUid) continue;
    who.process.kill();
    world.boot(world.slot(who.slot))?.start();
  }
  await world.pass(sinceMs);
}

function endTerm(world: World, leader: LifeCandidate, way: Way['name']): void {
  const { cluster, pods } = world;
  const pod = cluster.getPod(leader.podName);
  if (!pod) throw new Error(`${leader.name} runs without a Pod`);
  switch (way) {
    case 'released':
      leader.finish();
      break;
    case 'stepped down':
      leader.stepDown();
      break;
    case 'ill':
      world.observer(Illnesses).strike(leader.slot, 'fails');
      break;
    case 'collected':
      cluster.deletePod(pod);
      break;
    case 'completed':
      // Its object stays, as a Job's does.
      leader.process.kill();
      cluster.finishPod(pod, 'Succeeded');
      break;
    case 'uncollected':
      cluster.garbageCollector.stop();
      cluster.deletePod(pod);
      break;
    case 'deleted in the foreground':
      pods.deleteGracefully(
        leader.podName,
        { lastMs: FOREGROUND_MS, goneMs: 0, phase: 'Failed' },
        'foreground',
      );
      break;
  }
}

async function end(world: World): Promise<void> {
  world.tellAll({ type: 'phase', phase: 'end' });
  for (const who of candidates(world)) {
    who.finish();
    who.cancel();
  }
  await world.pass(120_000);
  if (world.isBroken()) return;
  for (const who of candidates(world)) {
    const { timers, requests, calls } = who.remains;
    if (timers + requests + calls === 0) continue;
    const what = `${timers} timers, ${requests} requests, ${calls} calls`;
    world.violated('nothing remains', `${who.name} leaves ${what}`);
  }
}
