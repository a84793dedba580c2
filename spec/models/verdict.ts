/** What Spin's program found. */
export interface Verdict {
  readonly errors: number;
  readonly states: number;
}

/** Reads it from what it prints. Throws unless it has looked at everything that it was to look at. */
export function verdictOf(output: string): Verdict {
  const errors = /errors: (\d+)/.exec(output)?.[1];
  const states = /(\d+)\s+states, stored/.exec(output)?.[1];
  if (errors === undefined || states === undefined) throw new Error(`no verdict:\n${output}`);
  if (errors === '0' && /Search not completed|max search depth too small/.test(output)) {
    throw new Error(`the search was cut short:\n${output}`);
  }
  return { errors: Number(errors), states: Number(states) };
}
