import type { Violation } from './check.ts';
import type { Schedule } from './schedule.ts';
import { World } from './world.ts';

/** What a run came to. */
export interface Play {
  readonly schedule: Schedule;
  readonly violations: readonly Violation[];
  /** Put into words when it is read. */
  readonly transcript: readonly string[];
  readonly figures: readonly (readonly [what: string, count: number])[];
}

/** Plays a schedule: trouble, healing, perhaps a calm phase, an end. Whoever wants to may follow it. */
export async function play(
  schedule: Schedule,
  follow: (world: World) => void = () => undefined,
): Promise<Play> {
  const world = await World.create(schedule);
  follow(world);
  const onRejection = (reason: unknown) => {
    world.violated('rejections', `an unhandled rejection: ${String(reason)}`);
  };
  process.on('unhandledRejection', onRejection);
  try {
    await run(world);
  } finally {
    process.off('unhandledRejection', onRejection);
    await world.cluster.close();
  }
  const { violations, transcript, figures } = world;
  return {
    schedule,
    violations,
    get transcript() {
      return transcript.lines;
    },
    figures: figures.entries(),
  };
}

async function run(world: World): Promise<void> {
  const { events, setting } = world.schedule;
  const isBroken = () => world.violations.length > 0;
  world.tellAll({ type: 'phase', phase: 'trouble' });
  for (const event of events) {
    await world.advanceTo(event.atMs, isBroken);
    if (isBroken()) return;
    world.act(event);
  }
  await world.advanceTo(setting.troubleMs, isBroken);
  if (isBroken()) return;
  world.tellAll({ type: 'phase', phase: 'healing' });
  world.part.heal(world);
  const healedMs = world.clock.now();
  for (const lock of world.part.locks) {
    await world.advanceTo(healedMs + lock.boundMs, () => isBroken() || world.isLed(lock));
    if (isBroken() || world.isLed(lock)) continue;
    const { name, boundMs } = lock;
    world.violated(
      'liveness',
      `nobody leads with ${name} ${boundMs} ms after everything was mended`,
    );
  }
  if (isBroken() || !setting.calm) return;
  world.tellAll({ type: 'phase', phase: 'calm' });
  await world.part.calm(world);
}
