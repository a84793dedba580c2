import { spawn } from 'node:child_process';
import { systemClock } from '../../platform/clock.ts';
import { type LeaderFacts, leaderVariables } from '../leader-variables.ts';
import type { Variables } from '../option.ts';
import { signalGroup } from '../shell.ts';

/** From SIGTERM to SIGKILL: the program beside this one is soon another's. */
const END_MS = 1_000;

/** A command that was started. */
export interface Hook {
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<void>;
  /** Has it end if it still runs, and resolves when it has ended. */
  end(): Promise<void>;
}

/** Runs a command of the user in a shell; without a command there is nothing to end. */
export function runHook(
  command: string | undefined,
  term: LeaderFacts,
  variables: Variables,
  say: (message: string) => void,
): Hook {
  if (command === undefined) return { ended: Promise.resolve(), end: () => Promise.resolve() };
  const env = { ...variables, ...leaderVariables(term) };
  const stdio = ['ignore', 'inherit', 'inherit'] as const;
  const child = spawn(command, { shell: true, detached: true, env, stdio: [...stdio] });
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    const onEnd = (how: string | undefined) => {
      isOver = true;
      if (how !== undefined) say(`${command}: ${how}`);
      resolve();
    };
    child.once('error', ({ message }) => onEnd(message));
    child.once('close', (code, signal) => {
      onEnd(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`);
    });
  });
  const end = async () => {
    if (isOver) return;
    signalGroup(child, 'SIGTERM');
    const cancel = systemClock.after(END_MS, () => signalGroup(child, 'SIGKILL'));
    await ended;
    cancel();
  };
  return { ended, end };
}
