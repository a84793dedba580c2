import { REQUEST_TIMEOUT_MS } from '../../lib/kubernetes/api.ts';
import { GARBAGE_COLLECTION_GRACE_MS } from '../../lib/protocol/for-life.ts';

/**
 * Short enough for many handovers, long enough that a leader does not lose its Lease whenever a busy
 * machine is slow.
 */
export const durations = { leaseDurationMs: 6_000, renewDeadlineMs: 4_000, retryPeriodMs: 1_000 };

/** `maxBackoffMs` of the candidates in life mode. */
export const MAX_BACKOFF_MS = 2_000;

/**
 * For a machine of two cores that runs a whole control plane and some candidates: processes start,
 * connections are made, requests are answered. Nothing here is about how fast that is.
 */
const MARGIN_MS = 10_000;

/**
 * How long it takes, at the longest, from when all is well again until somebody leads.
 *
 * For life: a request that got no answer is given up after its timeout; then comes a pause; what is
 * then seen to be gone is left to the garbage collector for its grace.
 *
 * With a lease: whoever held it may have renewed it at the last moment, and lets it expire; a request
 * that got no answer is given up after its timeout (half the renew deadline); then comes a pause.
 */
export const recoveryMs = {
  life: REQUEST_TIMEOUT_MS + MAX_BACKOFF_MS + GARBAGE_COLLECTION_GRACE_MS + MARGIN_MS,
  lease:
    durations.leaseDurationMs + durations.renewDeadlineMs / 2 + durations.retryPeriodMs + MARGIN_MS,
};

/** How long it takes at most until somebody asks whether a connection that says nothing still is one. */
const PING_MS = 45_000;

/** After a time in which connections died and nobody was told. */
export const silenceMs = { life: recoveryMs.life + PING_MS, lease: recoveryMs.lease + PING_MS };
