import type { Luck } from './luck.ts';
import type { Event, Setting } from './schedule.ts';

/** Durations that mean something to the code under test, so that its edges are met. */
const MEANT_MS = [
  0, 1, 2, 5, 10, 15, 50, 99, 100, 101, 200, 500, 999, 1_000, 1_001, 1_999, 2_000, 2_001, 2_010,
  3_000, 4_000, 7_999, 8_000, 8_001, 9_000, 9_999, 10_000, 10_001, 12_000, 15_000, 16_000, 20_000,
  30_000,
];

/** A duration up to `maxMs`: often one that means something, else any, short ones as often as long. */
export function duration(luck: Luck, maxMs: number, minMs = 0): number {
  const meant = MEANT_MS.filter((ms) => ms >= minMs && ms <= maxMs);
  if (meant.length > 0 && luck.chance(0.5)) return luck.pick(meant);
  const width = luck.pick([10, 100, 1_000, 10_000, 100_000]);
  return Math.min(minMs + luck.integer(0, width), maxMs);
}

/** When something happens: mostly close to one of the moments around which much does. */
export function moment(luck: Luck, setting: Setting): number {
  const moments = setting['moments'] as readonly number[];
  if (moments.length === 0 || luck.chance(0.3)) return luck.integer(0, setting.troubleMs - 1);
  const ms = luck.pick(moments) + luck.pick([-1, 1, 1, 1]) * duration(luck, 20_000);
  return Math.min(Math.max(ms, 0), setting.troubleMs - 1);
}

/** So many events, each somewhere, each with what else there is to say of it. */
export function events(
  luck: Luck,
  setting: Setting,
  count: number,
  detail: (luck: Luck) => Omit<Event, 'atMs'> & { readonly what: string },
): Event[] {
  return Array.from({ length: count }, () => ({ atMs: moment(luck, setting), ...detail(luck) }));
}

/** Any of the slots. */
export function anySlot(luck: Luck, setting: Setting): number {
  return luck.integer(0, setting.slots.length - 1);
}

/** A slot, or whoever leads then: trouble for leaders is the more interesting. */
export function slotOrLeader(luck: Luck, setting: Setting): number | 'leader' {
  return luck.chance(0.5) ? 'leader' : anySlot(luck, setting);
}
