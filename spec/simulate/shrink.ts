import { play } from './play.ts';
import type { Event, Schedule, Setting } from './schedule.ts';

/** How often a schedule is played at most while it is shrunk; counted, so that it ends the same. */
const MAX_PLAYS = 400;

/** The shortest schedule found that breaks the same check: fewer events, a simpler setting. */
export async function shrink(schedule: Schedule): Promise<Schedule> {
  const check = (await play(schedule)).violations[0]?.check;
  if (check === undefined) return schedule;
  let plays = 0;
  const fails = async (candidate: Schedule) => {
    if (plays >= MAX_PLAYS) return false;
    plays += 1;
    return (await play(candidate)).violations[0]?.check === check;
  };
  let best = schedule;
  for (let size = 0; size !== sizeOf(best);) {
    size = sizeOf(best);
    best = { ...best, events: await fewer(best, fails) };
    best = await simpler(best, fails);
  }
  return best;
}

function sizeOf({ events, setting }: Schedule): number {
  return JSON.stringify({ events, setting }).length;
}

type Fails = (schedule: Schedule) => Promise<boolean>;

/** Delta debugging (Zeller): leaves out half of the events, then quarters, and so on. */
async function fewer(schedule: Schedule, fails: Fails): Promise<readonly Event[]> {
  let events = schedule.events;
  for (let width = Math.ceil(events.length / 2); width >= 1; width = Math.floor(width / 2)) {
    for (let from = 0; from < events.length;) {
      const fewerEvents = [...events.slice(0, from), ...events.slice(from + width)];
      if (await fails({ ...schedule, events: fewerEvents })) events = fewerEvents;
      else from += width;
    }
  }
  return events;
}

/** Tries what a reader would rather see, one thing at a time. */
async function simpler(schedule: Schedule, fails: Fails): Promise<Schedule> {
  let best = schedule;
  const attempt = async (change: (setting: Setting) => Setting) => {
    const setting = change(best.setting);
    if (JSON.stringify(setting) === JSON.stringify(best.setting)) return;
    if (await fails({ ...best, setting })) best = { ...best, setting };
  };
  await attempt((setting) => ({ ...setting, calm: false }));
  await attempt((setting) => ({ ...setting, latencyMs: [0, 0] }));
  await attempt((setting) => ({ ...setting, gcDelayMs: 0 }));
  const lastMs = Math.max(0, ...best.events.map(({ atMs }) => atMs)) + 1;
  await attempt((setting) => ({ ...setting, troubleMs: Math.min(setting.troubleMs, lastMs) }));
  for (const index of schedule.setting.slots.keys()) {
    await attempt((setting) => ({
      ...setting,
      slots: setting.slots.map((slot, i) =>
        i === index ? { ...slot, clock: { rate: 1, startMs: 0, wallOffsetMs: 0 } } : slot,
      ),
    }));
  }
  return best;
}
