import type { Violation } from './check.ts';
import type { Schedule } from './schedule.ts';
import { Transcript } from './transcript.ts';
import { World } from './world.ts';

/** What a run came to. */
export interface Play {
  readonly schedule: Schedule;
  readonly violations: readonly Violation[];
  readonly figures: readonly (readonly [what: string, count: number])[];
}

/** Plays a schedule: trouble, healing, perhaps a calm phase, an end. Whoever wants to may follow it. */
export async function play(
  schedule: Schedule,
  follow: (world: World) => void = () => undefined,
  transcript?: Transcript,
): Promise<Play> {
  const world = await World.create(schedule, transcript);
  follow(world);
  const onRejection = (reason: unknown) =>
    world.violated('rejections', `an unhandled rejection: ${String(reason)}`);
  process.on('unhandledRejection', onRejection);
  try {
    await run(world);
  } finally {
    process.off('unhandledRejection', onRejection);
    await world.cluster.close();
  }
  const { violations, figures } = world;
  return { schedule, violations, figures: figures.entries() };
}

/** Plays a schedule and writes down all that happens: most runs are watched by checks only. */
export async function transcribe(schedule: Schedule): Promise<readonly string[]> {
  const transcript = new Transcript();
  await play(schedule, undefined, transcript);
  return transcript.lines;
}

async function run(world: World): Promise<void> {
  const { events, setting } = world.schedule;
  world.tellAll({ type: 'phase', phase: 'trouble' });
  for (const event of events) {
    await world.advanceTo(event.atMs, () => world.isBroken());
    if (world.isBroken()) return;
    world.act(event);
  }
  await world.advanceTo(setting.troubleMs, () => world.isBroken());
  if (world.isBroken()) return;
  world.tellAll({ type: 'phase', phase: 'healing' });
  world.part.heal(world);
  const healedMs = world.clock.now();
  for (const lock of world.part.locks) {
    await world.advanceTo(healedMs + lock.boundMs, () => world.isBroken() || world.isLed(lock));
    if (world.isBroken() || world.isLed(lock)) continue;
    const { name, boundMs } = lock;
    world.violated(
      'liveness',
      `nobody leads with ${name} ${boundMs} ms after everything was mended`,
    );
  }
  if (world.isBroken() || !setting.calm) return;
  world.tellAll({ type: 'phase', phase: 'calm' });
  await world.part.calm(world);
}
