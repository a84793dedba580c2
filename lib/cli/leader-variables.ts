/** What a command is told about leadership. */
export interface LeaderFacts {
  readonly name: string;
  readonly namespace: string;
  readonly identity: string;
  readonly mode: 'life' | 'lease';
  readonly fencingToken: string;
  readonly since: Date;
}

/** The same as variables of its environment. */
export function leaderVariables(facts: LeaderFacts): Record<string, string> {
  return {
    LEADER_NAME: facts.name,
    LEADER_NAMESPACE: facts.namespace,
    LEADER_IDENTITY: facts.identity,
    LEADER_MODE: facts.mode,
    LEADER_FENCING_TOKEN: facts.fencingToken,
    LEADER_SINCE: facts.since.toISOString(),
  };
}
