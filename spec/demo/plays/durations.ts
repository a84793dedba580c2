/** The article's 6, 3 and 1 s, shortened: it is to be over soon. */
export const durations = { leaseDurationMs: 4_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 };
