import { type History, historyOf } from '../lab/history.ts';
import type { Entry } from '../lab/journal.ts';
import type { Version } from '../lab/lock-history.ts';
import { type Span, between, union } from '../lab/spans.ts';
import type { Mode } from './trouble.ts';

/**
 * Candidates act every 20 ms, and an act is what is known of them: the one that acted may lead for a
 * moment more. What the watchdog lets pass is less than this.
 */
const SAMPLING_MS = 300;

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

interface Following extends History {
  /** The times in which nobody led. */
  readonly gaps: readonly Span[];
}

/** A run of an hour has hundreds of thousands of entries: what follows from them is found out once. */
const known = new WeakMap<Evidence, Following>();

export function followingFrom(evidence: Evidence): Following {
  const found = known.get(evidence);
  if (found) return found;
  const history = historyOf(evidence.entries);
  const led = history.terms.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + SAMPLING_MS }));
  const following = { ...history, gaps: between(union(led, evidence), evidence) };
  known.set(evidence, following);
  return following;
}
