import { spawn } from 'node:child_process';
import { systemClock } from '../../platform/clock.ts';
import { type LeaderFacts, leaderVariables } from '../leader-variables.ts';
import type { Variables } from '../option.ts';
import { endGroup, isGoneBy, signalGroup } from '../process-group.ts';

/** From SIGTERM to SIGKILL: the program beside this one is soon another's. */
const END_MS = 1_000;

/** A command that was started. */
export interface Hook {
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<void>;
  /** If it still runs, ends it and what it has started, and resolves when nothing of it runs. */
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
    const { pid } = child;
    if (isOver || pid === undefined) return;
    const killMs = systemClock.now() + END_MS;
    signalGroup(pid, 'SIGTERM');
    // The shell may end before what it has started.
    if (!(await isGoneBy(killMs, pid))) await endGroup(pid);
    await ended;
  };
  return { ended, end };
}
