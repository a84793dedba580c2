const PACE = 'it changes how soon or how often something is done, not what is decided';
const WRITTEN = 'it changes what others read in the Lease, and nothing that decides here';

/** Seeded defects that the exploration cannot see, and why. */
export const blind: Readonly<Record<string, string>> = {
  'backoff-without-maximum': PACE,
  'beginning-forgotten': WRITTEN,
  'blind-watch-believed': PACE,
  'foreign-lock-freed': 'the model has no ConfigMap that is not a lock',
  'hint-believed': 'what the model says in a hint of a Pod is true of that UID',
  'no-look-after-a-loss': PACE,
  'only-failed-pods-are-over': "the model's Pods end as failed",
  'takeover-by-default': 'the model has no nodes',
  'doubt-taken-as-failure':
    'a Lease that is left behind breaks no promise: others wait until it expires',
  milliseconds: 'only a real API server refuses such a time',
  'opened-watch-believed': PACE,
  'page-frees-a-lock':
    'the model says what an answer means; its own `foreign-answer-believed` is the same mistake',
  'own-lease-yielded': PACE,
  'own-write-taken-for-anothers': 'a leader stops although it need not; nobody else begins',
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
