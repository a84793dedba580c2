import type { Entry } from '../lease-fleet/journal.ts';
import { type Term, deedsOf } from '../lease-fleet/terms.ts';
import { type Span, between, union } from './spans.ts';
import type { Mode } from './trouble.ts';

/**
 * Candidates act every 20 ms, and an act is what is known of them: who acted may lead for a moment
 * more. What the watchdog lets pass is less than this.
 */
const SAMPLING_MS = 300;

/** Who holds a lock from some time on: one version of its object. */
export interface Version {
  /** Empty for nobody; the identity that the candidate has in the journal. */
  readonly holder: string;
  /** When it was seen, at the earliest: it was stored before. */
  readonly seenMs: number;
  /** When it was stored, at the earliest, if that is not just before: it was read up on later. */
  readonly sinceMs?: number;
  readonly resourceVersion: string;
}

/** All that is known of one election. */
export interface Evidence {
  readonly election: string;
  readonly mode: Mode;
  readonly entries: readonly Entry[];
  readonly versions: readonly Version[];
  /** Times of which not every version of the lock's object was seen. */
  readonly holes: readonly Span[];
  /** From when on somebody has to lead, and until when. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** A run of an hour has hundreds of thousands of entries: what follows from them is found out once. */
const known = new WeakMap<Evidence, { readonly terms: readonly Term[]; readonly gaps: Span[] }>();

function followingFrom(evidence: Evidence) {
  const found = known.get(evidence);
  if (found) return found;
  // The duration is for client-go's only.
  const { terms } = deedsOf(evidence.entries, 0);
  const led = terms.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + SAMPLING_MS }));
  const following = { terms, gaps: between(union(led, evidence), evidence) };
  known.set(evidence, following);
  return following;
}

export function termsOf(evidence: Evidence): readonly Term[] {
  return followingFrom(evidence).terms;
}

/** The times in which nobody led. */
export function leaderlessOf(evidence: Evidence): readonly Span[] {
  return followingFrom(evidence).gaps;
}
