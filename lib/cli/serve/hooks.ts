import { spawn } from 'node:child_process';
import { type LeaderFacts, leaderVariables } from '../leader-variables.ts';
import type { Variables } from '../option.ts';

/** Runs a command of the user in a shell. Resolves when it has ended, however it did. */
export function runHook(
  command: string | undefined,
  term: LeaderFacts,
  variables: Variables,
  say: (message: string) => void,
): Promise<void> {
  if (command === undefined) return Promise.resolve();
  const env = { ...variables, ...leaderVariables(term) };
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
