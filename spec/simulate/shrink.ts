import { noticedMs } from './events/processes.ts';
import { play } from './play.ts';
import type { Event, Schedule, Setting, SlotSetting } from './schedule.ts';
import type { World } from './world.ts';
import { USUAL } from './setting-words.ts';

/**
 * How many instants are played at most while a schedule is shrunk. Counted, as wall time is not: so
 * that it ends the same everywhere.
 */
const MAX_INSTANTS = 300_000;
const MAX_PLAYS = 600;

type Fails = (schedule: Schedule) => Promise<boolean>;
type Step = (schedule: Schedule, fails: Fails) => Promise<Schedule>;

/** The shortest schedule found that breaks the same check, with the same followers. */
export async function shrink(
  schedule: Schedule,
  follow: (world: World) => void = () => undefined,
): Promise<Schedule> {
  const [violation] = (await play(schedule, follow)).violations;
  if (!violation) return schedule;
  let plays = 0;
  let instants = 0;
  const fails: Fails = async (candidate) => {
    if (plays >= MAX_PLAYS || instants >= MAX_INSTANTS) return false;
    plays += 1;
    const { violations } = await play(candidate, (world) => {
      follow(world);
      world.listen(({ type }) => {
        if (type === 'settled') instants += 1;
      });
    });
    return violations[0]?.check === violation.check;
  };
  // What is cheap and makes all that follows cheaper comes first.
  let best = await ended(schedule, violation.atMs, fails);
  const steps: readonly Step[] = [fewerEvents, fewerSlots, simplerSetting, rounder];
  for (let size = Number.POSITIVE_INFINITY; sizeOf(best) < size;) {
    size = sizeOf(best);
    for (const step of steps) best = await step(best, fails);
  }
  return best;
}

function sizeOf({ events, setting }: Schedule): number {
  return JSON.stringify({ events, setting }).length;
}

/** Without what lies after the violation. */
async function ended(schedule: Schedule, atMs: number, fails: Fails): Promise<Schedule> {
  const { setting } = schedule;
  const events = schedule.events.filter((event) => event.atMs <= atMs);
  const troubleMs = Math.min(setting.troubleMs, Math.ceil(atMs) + 1);
  const tried = { ...schedule, events, setting: { ...setting, troubleMs, calm: false } };
  return (await fails(tried)) ? tried : schedule;
}

/** Delta debugging (Zeller): leaves out half of the events, then quarters, and so on. */
async function fewerEvents(schedule: Schedule, fails: Fails): Promise<Schedule> {
  let { events } = schedule;
  for (let width = Math.ceil(events.length / 2); width >= 1; width = Math.floor(width / 2)) {
    for (let from = 0; from < events.length;) {
      const tried = [...events.slice(0, from), ...events.slice(from + width)];
      if (await fails({ ...schedule, events: tried })) events = tried;
      else from += width;
    }
  }
  return { ...schedule, events };
}

/** Leaves out candidates that do not matter. */
async function fewerSlots(schedule: Schedule, fails: Fails): Promise<Schedule> {
  let best = schedule;
  for (let slot = schedule.setting.slots.length - 1; slot >= 0; slot -= 1) {
    if (!isSpare(best.setting, slot)) continue;
    const tried = withoutSlot(best, slot);
    if (await fails(tried)) best = tried;
  }
  return best;
}

/** Without anybody who competes for a lock, nobody would ever lead with it: that says nothing. */
function isSpare({ slots }: Setting, slot: number): boolean {
  const isForLife = slots[slot]?.kind === 'life';
  return slots.some(
    ({ kind, uid }, index) => index !== slot && (kind === 'life') === isForLife && uid !== 'wrong',
  );
}

/** Those after it move up. */
function withoutSlot(schedule: Schedule, gone: number): Schedule {
  const { setting } = schedule;
  const moved = (slot: number) => (slot > gone ? slot - 1 : slot);
  const slots = setting.slots
    .filter((_, index) => index !== gone)
    .map((slot): SlotSetting => {
      const { within, ...alone } = slot;
      // Who was in its process gets one of its own.
      if (typeof within !== 'number' || within === gone) return alone;
      return { ...alone, within: moved(within) };
    });
  const events = schedule.events
    .filter(({ slot }) => slot !== gone)
    .map((event) => {
      const { slot, rule } = event;
      const user = /^pod-(\d+)$/.exec(String((rule as { user?: string } | undefined)?.user));
      return {
        ...event,
        ...(typeof slot === 'number' && { slot: moved(slot) }),
        ...(user && { rule: { ...(rule as object), user: `pod-${moved(Number(user[1]))}` } }),
      };
    });
  return { ...schedule, events, setting: { ...setting, slots } };
}

/** What a reader would rather see in a slot than something else, of what may be drawn. */
const PLAIN: Readonly<Record<string, unknown>> = { ...USUAL, restartMs: 20_000 };

/** Tries what a reader would rather see, one thing at a time. */
async function simplerSetting(schedule: Schedule, fails: Fails): Promise<Schedule> {
  let best = schedule;
  const attempt = async (change: (setting: Setting) => Setting) => {
    const setting = change(best.setting);
    if (JSON.stringify(setting) === JSON.stringify(best.setting)) return false;
    const isSame = await fails({ ...best, setting });
    if (isSame) best = { ...best, setting };
    return isSame;
  };
  const lastMs = Math.max(0, ...best.events.map(({ atMs }) => atMs)) + 1;
  await attempt((setting) => ({ ...setting, calm: false }));
  await attempt((setting) => ({ ...setting, troubleMs: Math.min(setting.troubleMs, lastMs) }));
  for (const troubleMs of rounded(best.setting.troubleMs).filter((ms) => ms >= lastMs)) {
    if (await attempt((setting) => ({ ...setting, troubleMs }))) break;
  }
  await attempt((setting) => ({ ...setting, moments: [] }));
  await attempt(({ leftOver: _, ...setting }) => setting);
  await attempt(({ webhook: _, ...setting }) => setting);
  await attempt((setting) => ({ ...setting, gcDelayMs: 0 }));
  if (!(await attempt((setting) => ({ ...setting, latencyMs: [0, 0] })))) {
    await attempt((setting) => ({ ...setting, latencyMs: [1, 1] }));
  }
  // Together: electors' clocks must not come to differ by more than is tolerated.
  await attempt((setting) => ({
    ...setting,
    slots: setting.slots.map((slot) => ({ ...slot, clock: { ...slot.clock, rate: 1 } })),
  }));
  for (const index of best.setting.slots.keys()) {
    const inSlot = (change: (slot: SlotSetting) => SlotSetting) =>
      attempt((setting) => ({
        ...setting,
        slots: setting.slots.map((slot, i) => (i === index ? change(slot) : slot)),
      }));
    // All at once, as a rule; if not, which ones.
    if (await inSlot((slot) => ({ ...slot, ...plainOf(slot) }))) continue;
    for (const [key, value] of Object.entries(plainOf(best.setting.slots[index]))) {
      await inSlot((slot) => ({ ...slot, [key]: value }));
    }
  }
  return best;
}

function plainOf(slot: SlotSetting | undefined): Record<string, unknown> {
  if (!slot) return {};
  const { kind, clock } = slot;
  const options = Object.entries(PLAIN).filter(([key]) => key in slot);
  const rate = kind === 'life' ? 1 : clock.rate;
  return { ...Object.fromEntries(options), clock: { rate, startMs: 0, wallOffsetMs: 0 } };
}

/** Earlier moments, shorter times, rounder numbers; no event overtakes another. */
async function rounder(schedule: Schedule, fails: Fails): Promise<Schedule> {
  let best = schedule;
  for (const index of schedule.events.keys()) {
    for (const key of Object.keys(schedule.events[index] ?? {}).filter((name) => isTime(name))) {
      const ms = best.events[index]?.[key];
      if (typeof ms !== 'number') continue;
      for (const tried of rounded(ms)) {
        const events = best.events.map((event, i) =>
          i === index ? { ...event, [key]: tried } : event,
        );
        if (
          !areInOrder(events) ||
          !isAllowed(best, events[index], key) ||
          !(await fails({ ...best, events }))
        )
          continue;
        best = { ...best, events };
        break;
      }
    }
  }
  return best;
}

function isTime(key: string): boolean {
  return key.endsWith('Ms');
}

/** The rounder, the earlier in the list. */
function rounded(ms: number): number[] {
  const digits = 10 ** Math.floor(Math.log10(Math.max(Math.abs(ms), 1)));
  const tried = [0, digits, digits / 10, digits / 100].map((unit) =>
    unit < 1 ? 0 : Math.trunc(ms / unit) * unit,
  );
  return [...new Set(tried)].filter((value) => value !== ms);
}

/** A machine's sleep is noticed only if it is long enough; a shorter one is nobody's fault. */
function isAllowed({ setting }: Schedule, event: Event | undefined, key: string): boolean {
  if (event?.what !== 'suspend elector' || key !== 'forMs') return true;
  return Number(event[key]) >= noticedMs(setting);
}

function areInOrder(events: readonly Event[]): boolean {
  return events.every(({ atMs }, index) => atMs >= (events[index - 1]?.atMs ?? 0));
}
