import { spawn } from 'node:child_process';
import type { Variables } from '../option.ts';

/** What a command that is told about leadership gets in its environment. */
export interface Term {
  readonly name: string;
  readonly namespace: string;
  readonly identity: string;
  readonly mode: 'life' | 'lease';
  readonly fencingToken: string;
  readonly since: Date;
}

/** Runs a command of the user in a shell. Resolves when it has ended, however it did. */
export function runHook(
  command: string | undefined,
  term: Term,
  variables: Variables,
  say: (message: string) => void,
): Promise<void> {
  if (command === undefined) return Promise.resolve();
  const env = {
    ...variables,
    LEADER_NAME: term.name,
    LEADER_NAMESPACE: term.namespace,
    LEADER_IDENTITY: term.identity,
    LEADER_MODE: term.mode,
    LEADER_FENCING_TOKEN: term.fencingToken,
    LEADER_SINCE: term.since.toISOString(),
  };
  return new Promise((resolve) => {
    const child = spawn(command, { shell: true, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', (error) => {
      say(`${command}: ${error.message}`);
      resolve();
    });
    child.once('close', (code, signal) => {
      if (code !== 0) say(`${command}: ended with ${signal ?? `exit code ${code}`}`);
      resolve();
    });
  });
}
