import { messageOf } from '../platform/printable.ts';
import type { EventWriter } from './log.ts';

/** How a command ends when nothing catches an exception of this process. */
export interface CrashPlan {
  readonly exitCode: number;
  readonly say: EventWriter['say'];
}

type Ending = () => Promise<unknown>;

const endings = new Set<Ending>();
let plan: CrashPlan | undefined;
let hasCrashed = false;

/** Sets how this process ends from now on. */
export function planCrash(next: CrashPlan): void {
  plan = next;
}

/** Has a crash run this before the process ends; the returned function takes that back. */
export function beforeCrash(end: Ending): () => void {
  endings.add(end);
  return () => {
    endings.delete(end);
  };
}

/** Ends this process because of an exception that nothing has caught. */
export async function crash(error: unknown): Promise<void> {
  if (hasCrashed) return;
  hasCrashed = true;
  plan?.say(`unexpected: ${messageOf(error)}`, 'error');
  await Promise.allSettled([...endings].map((end) => end()));
  process.exit(plan?.exitCode);
}

/** Ends this process with this code, unless a crash is ending it. */
export function exit(code: number): void {
  if (!hasCrashed) process.exit(code);
}
