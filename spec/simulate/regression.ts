import { toLines } from '../support/lines.ts';
import type { Event, Schedule, SlotSetting } from './schedule.ts';

/** A schedule that once found something, as its file has it: only what differs from the defaults. */
interface Stored {
  readonly found: string;
  readonly mode: Schedule['mode'];
  readonly seed: number;
  readonly setting: Readonly<Record<string, unknown>>;
  readonly slots: readonly (Partial<SlotSetting> & Pick<SlotSetting, 'kind'>)[];
  readonly events: readonly Event[];
}

export interface Regression {
  readonly found: string;
  readonly schedule: Schedule;
}

const setting = { moments: [], calm: false, latencyMs: [1, 1], gcDelayMs: 0 } as const;

const clock = { rate: 1, startMs: 0, wallOffsetMs: 0 };

const slots: Readonly<Record<SlotSetting['kind'], Readonly<Record<string, unknown>>>> = {
  life: { clock, uid: 'told', guard: false, maxBackoffMs: 16_000, restartMs: 20_000 },
  lease: {
    clock,
    times: { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
    calls: 'lead',
    recampaign: false,
    releaseOnCancel: true,
    workMs: 0,
    slownessMs: 0,
    keepsIdentity: false,
    restartMs: 20_000,
  },
  'client-go': { clock, restartMs: 20_000 },
};

export function parseRegression(text: string): Regression {
  const { found, mode, seed, events, ...stored } = JSON.parse(text) as Stored;
  const complete = stored.slots.map((slot) => ({ ...slots[slot.kind], ...slot }) as SlotSetting);
  const whole = { ...setting, ...stored.setting, slots: complete } as unknown;
  return { found, schedule: { mode, seed, setting: whole as Schedule['setting'], events } };
}

export function regressionText({ found, schedule }: Regression): string {
  const { mode, seed, events } = schedule;
  const { slots: given, ...rest } = schedule.setting;
  return toLines({
    found,
    mode,
    seed,
    setting: differing(rest, setting),
    slots: given.map(({ kind, ...slot }) => ({ kind, ...differing(slot, slots[kind]) })),
    events,
  });
}

function differing(
  value: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const isDefault = (key: string) => JSON.stringify(value[key]) === JSON.stringify(defaults[key]);
  const keys = Object.keys(value).filter((key) => !isDefault(key));
  return Object.fromEntries(keys.sort().map((key) => [key, value[key]]));
}
