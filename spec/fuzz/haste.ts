import { type Clock, systemClock } from '../../lib/platform/clock.ts';

export const HASTE = 50;

/** Time passes that much faster: timeouts and warnings come soon. */
export const hasty: Clock = {
  ...systemClock,
  now: () => systemClock.now() * HASTE,
  boot: () => systemClock.now() * HASTE,
  after: (ms, task, options) => systemClock.after(ms / HASTE, task, options),
};
