/** Keeps a candidate from taking a free lock. */
export interface Bar {
  readonly because: 'unhealthy' | 'stepped-down' | 'not-preferred';
  /** Infinity if the end is not known. */
  readonly untilMs: number;
}

/** The bar that holds at this moment, if any. */
export function barAt(when: {
  readonly nowMs: number;
  readonly bar?: Bar | undefined;
}): Bar | undefined {
  return when.bar && when.nowMs < when.bar.untilMs ? when.bar : undefined;
}
