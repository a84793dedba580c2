import { down } from '../cluster/lifecycle.ts';
import { killAll } from '../cluster/process.ts';
import type { Report } from '../cluster/progress.ts';
import { folderOf } from '../cluster/state.ts';
import { processesWith } from '../lab/environments.ts';

/** Every process that a run starts has it in its environment. */
const MARK = 'LEADER_FOR_LIFE_CHAOS';

/** What the processes of all runs on a cluster bear, and which one, after it, tells them apart. */
export function markOf(clusterName: string, run = ''): string {
  return `${folderOf(clusterName)}:${run}`;
}

export function variableOf(mark: string): Readonly<Record<string, string>> {
  return { [MARK]: mark };
}

/** The processes that bear a mark, or one that begins so. */
export function marked(mark: string): number[] {
  return processesWith((variable) => variable.startsWith(`${MARK}=${mark}`));
}

/** Ends whatever runs on a cluster have left: processes, be they stopped or not, and the cluster. */
export async function clearAway(clusterName: string, report: Report): Promise<void> {
  const mark = markOf(clusterName);
  await killAll(() => marked(mark));
  await down({ name: clusterName, report });
}
