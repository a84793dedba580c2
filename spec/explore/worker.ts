/** One thread that explores scenes, one after the other. */
import { parentPort } from 'node:worker_threads';
import { scenes } from './scenes.ts';

export interface Task {
  readonly scene: number;
  readonly maxStates: number;
  readonly defect: string | undefined;
}

parentPort?.on('message', ({ scene, maxStates, defect }: Task) => {
  const chosen = scenes[scene];
  if (!chosen) throw new Error(`there is no scene ${scene}`);
  parentPort?.postMessage(chosen.explore(maxStates, defect));
});
