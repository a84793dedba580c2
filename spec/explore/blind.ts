const PACE = 'it changes how soon or how often something is done, not what is decided';
const PROGRESS = 'nobody leads although somebody could, which is no broken promise';
const WRITTEN = 'it changes what others read in the Lease, and nothing that decides here';

/** Seeded defects that the exploration cannot see, and why. */
export const blind: Readonly<Record<string, string>> = {
  'backoff-without-maximum': PACE,
  'beginning-forgotten': WRITTEN,
  'blind-watch-believed': PACE,
  'foreign-lock-freed': 'the model has no ConfigMap that is not a lock',
  'hint-believed': 'what the model says in a hint of a Pod is true of that UID',
  'left-to-the-garbage-collector': PROGRESS,
  'liveness-by-name': PROGRESS,
  'no-look-after-a-loss': PROGRESS,
  'only-failed-pods-are-over': PROGRESS,
  'orphan-is-foreign': PROGRESS,
  'takeover-by-default': 'the model has no nodes',
  'waits-for-itself': PROGRESS,
  'doubt-taken-as-failure':
    'a Lease that is left behind breaks no promise: others wait until it expires',
  milliseconds: 'only a real API server refuses such a time',
  'old-event-believed': 'a leader that hears of an old one stops; nobody else begins',
  'patient-leader': PACE,
  'polls-in-step': PACE,
  'released-for-its-duration': WRITTEN,
  'released-once': PACE,
  'release-unread': PACE,
  'renewal-by-watch': PACE,
  'renewals-in-step': PACE,
  'stale-renewal': PACE,
  'unwatched-not-read': PACE,
  'valid-for-the-lease':
    'for how long a term counts is decided by Term, which the model does not run',
};
