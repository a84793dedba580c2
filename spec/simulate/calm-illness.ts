import { Illnesses, symptoms } from './illnesses.ts';
import type { ContestedLock } from './part.ts';
import type { World } from './world.ts';

/** Work that takes longer to stop is given up, or has ended. */
const DRAINING_MS = 30_000;

const WITHOUT_LEADER_MS = 60_000;

/**
 * Everybody who could lead falls ill: the leader steps down, and nobody leads until one is well
 * again, which then does.
 */
export async function fallIll(world: World, lock: ContestedLock, slowest: number): Promise<void> {
  const slots = world.slots.filter(({ setting }) => lock.kinds.includes(setting.kind));
  const checks = slots.map(({ candidate }) => candidate?.checkup?.setting);
  if (!checks.every((check) => check !== undefined)) return;
  world.figures.add('calm without a healthy candidate');
  const luck = world.luck.fork('calm illness', lock.name);
  const illnesses = world.observer(Illnesses);
  const cures = slots.map(({ index }) => illnesses.strike(index, luck.pick(symptoms)));
  const isLed = () => world.leaders.some(({ kind }) => lock.kinds.includes(kind));
  const isFree = () => !isLed();
  const noticedMs = Math.max(
    ...checks.map(({ periodMs, timeoutMs, threshold }) => (threshold + 1) * (periodMs + timeoutMs)),
  );
  const [, latencyMs] = world.schedule.setting.latencyMs;
  // Until then, one whose last check has passed may lead.
  await world.pass(noticedMs / slowest);
  await world.pass(DRAINING_MS / slowest + 12 * latencyMs, isFree);
  if (world.isBroken()) return;
  if (isLed()) world.violated('calm illness', `an unhealthy candidate goes on with ${lock.name}`);
  await world.pass(WITHOUT_LEADER_MS, isLed);
  if (world.isBroken()) return;
  if (isLed()) world.violated('calm illness', `an unhealthy candidate leads with ${lock.name}`);
  for (const cure of cures) cure();
  const isLedAgain = () => world.isLed(lock);
  await world.pass(lock.boundMs, isLedAgain);
  if (world.isBroken() || isLedAgain()) return;
  world.violated('calm illness', `nobody leads with ${lock.name}, although one is well again`);
}
