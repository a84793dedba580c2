import type { ChildProcess } from 'node:child_process';

/** Sends a signal to a shell that leads a group, and to all that it has started there. */
export function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
