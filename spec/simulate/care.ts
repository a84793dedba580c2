import type { CheckupSetting } from './checkup.ts';
import { leanings } from './leaning.ts';
import type { Luck } from './luck.ts';
import type { SlotSetting } from './schedule.ts';

function drawCheckup(luck: Luck): CheckupSetting {
  return {
    periodMs: luck.pick([500, 2_000, 2_000, 10_000]),
    timeoutMs: luck.pick([100, 1_000, 3_000]),
    threshold: luck.pick([1, 3]),
  };
}

/** In some worlds, the health of some candidates is checked, or some are preferred. */
export function withCare<S extends SlotSetting>(luck: Luck, slots: readonly S[]): readonly S[] {
  const areChecked = luck.fork('health').chance(0.4);
  const preference = luck.fork('preference');
  const leaning = preference.chance(0.25) ? preference.pick(leanings) : undefined;
  return slots.map((slot, index) => {
    if (slot.kind === 'client-go') return slot;
    const own = luck.fork('slot', index);
    const isChecked = areChecked && own.fork('health').chance(0.75);
    const canPrefer = slot.kind === 'life' || slot['inPod'] === true;
    const prefers = canPrefer && own.fork('preference').chance(0.75) ? leaning : undefined;
    const isSlow = slot.kind === 'life' && own.fork('slow').chance(0.3);
    return {
      ...slot,
      ...(isChecked && { health: drawCheckup(own.fork('checkup')) }),
      ...(prefers && { prefers }),
      ...(isSlow && { slownessMs: own.fork('slowness').pick([1, 100, 5_000]) }),
    };
  });
}
