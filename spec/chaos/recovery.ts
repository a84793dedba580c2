import { REQUEST_TIMEOUT_MS } from '../../lib/kubernetes/api.ts';
import { GARBAGE_COLLECTION_GRACE_MS } from '../../lib/protocol/life/look.ts';
import type { Effects } from './trouble.ts';

/**
 * Short enough for many handovers, long enough that a leader does not lose its Lease whenever a busy
 * machine is slow.
 */
export const durations = { leaseDurationMs: 6_000, renewDeadlineMs: 4_000, retryPeriodMs: 1_000 };

/** `maxBackoffMs` of the candidates in life mode. */
export const MAX_BACKOFF_MS = 2_000;

/** The longest `Retry-After` that a fault asks for. */
export const MOST_RETRY_AFTER_SECONDS = 3;

/**
 * For a machine of two cores that runs a whole control plane and some candidates: processes start,
 * connections are made, requests are answered. Nothing here is about how fast that is.
 */
const MARGIN_MS = 5_000;

/** An API server acts by a policy for a moment after it was deleted, and by a new one a moment late. */
const POLICY_LAG_MS = 2_000;

/** How long it takes at most until somebody asks whether a connection that says nothing still is one. */
const PING_MS = 45_000;

/** A request of an elector is given up after half the deadline. */
const LEASE_REQUEST_MS = durations.renewDeadlineMs / 2;

/**
 * With a lease: who held it may have renewed it at the last moment, and lets it expire. Then one
 * request that goes nowhere is given up, there is a pause, and the next one succeeds.
 */
const LEASE_RECOVERY_MS =
  durations.leaseDurationMs + LEASE_REQUEST_MS + durations.retryPeriodMs + MARGIN_MS;

/** A leader whose renewals fail ceases to lead by the deadline, counted from the last that did not. */
const LEASE_LOSS_MS = durations.renewDeadlineMs;

/**
 * For life, where API servers and connections were well all the time: the lock of who is gone goes by
 * the garbage collector, or after its grace by a candidate.
 */
const FREED_MS = GARBAGE_COLLECTION_GRACE_MS + MARGIN_MS;

/**
 * For life, where they were not: a request that got no answer is given up after its timeout; then
 * comes a pause; then the watch is opened again; what is then seen to be gone is left to the garbage
 * collector for its grace.
 */
const LIFE_RECOVERY_MS = REQUEST_TIMEOUT_MS + 2 * MAX_BACKOFF_MS + FREED_MS;

/** A candidate was ended: it leads no more in either mode, and all else is well. */
export const ended: Effects = {
  life: { lossMs: 0, recoveryMs: FREED_MS },
  lease: { lossMs: 0, recoveryMs: LEASE_RECOVERY_MS },
};

/** A candidate ended by itself, and has to be replaced. That is no reason to lose a leader. */
export const replaced: Effects = {
  life: { recoveryMs: FREED_MS },
  lease: { recoveryMs: LEASE_RECOVERY_MS },
};

/**
 * A candidate stood still, or everything did: none acts. Whoever was stopped for longer than its
 * deadline has lost its Lease, and knows when it wakes up. For life it holds the lock all the while.
 */
export const stood: Effects = {
  life: { lossMs: 0, recoveryMs: FREED_MS },
  lease: { lossMs: LEASE_LOSS_MS, recoveryMs: LEASE_RECOVERY_MS },
};

/** Everything was late for a moment, shorter than what it takes to keep a renewal from its deadline. */
export const delayed: Effects = {
  life: { recoveryMs: FREED_MS },
  lease: { recoveryMs: LEASE_RECOVERY_MS },
};

/** Of a stall: a leader has three more tries within its deadline, after which it is lost. */
export const HARMLESS_MS = durations.retryPeriodMs;

/** Requests failed, or waited. Who leads for life asks for nothing, and leads on. */
export const unanswered: Effects = {
  life: { recoveryMs: LIFE_RECOVERY_MS },
  lease: { lossMs: LEASE_LOSS_MS, recoveryMs: LEASE_RECOVERY_MS },
};

/** Requests were turned away, by what ends a moment after it was deleted. */
export const turnedAway: Effects = {
  life: { recoveryMs: POLICY_LAG_MS + LIFE_RECOVERY_MS },
  lease: {
    lossMs: POLICY_LAG_MS + LEASE_LOSS_MS,
    recoveryMs: POLICY_LAG_MS + LEASE_RECOVERY_MS,
  },
};

/** Requests were told when to come back, which is up to a fifth longer than they were told. */
const TOLD_MS = 1.2 * MOST_RETRY_AFTER_SECONDS * 1_000;

export const putOff: Effects = {
  life: { recoveryMs: TOLD_MS + LIFE_RECOVERY_MS },
  lease: { lossMs: LEASE_LOSS_MS, recoveryMs: TOLD_MS + LEASE_RECOVERY_MS },
};

/**
 * Connections died, and nobody was told. Who waits for a lock for life sends nothing, and hears of it
 * by a ping; an elector writes when the lease has expired, and finds it by that.
 */
export const silenced: Effects = {
  life: { recoveryMs: PING_MS + LIFE_RECOVERY_MS },
  lease: { lossMs: LEASE_LOSS_MS, recoveryMs: LEASE_RECOVERY_MS },
};

/** Watches said nothing, then everything. A leader needs none; an elector has the expiry besides. */
export const unseeing: Effects = {
  life: { recoveryMs: FREED_MS },
  lease: { recoveryMs: LEASE_RECOVERY_MS },
};

/**
 * The controllers stood still. Nothing waits for them: a lock that the garbage collector does not
 * delete is deleted by a candidate after the same grace as always.
 */
export const needless: Effects = {};
