import { together } from '../cluster/together.ts';
import type { Luck } from '../simulate/luck.ts';
import type { PodCrew } from './pod-crew.ts';
import type { FaultKind } from './stage.ts';

const GROUP = 'pods';

function pods(name: string, strike: (crew: PodCrew, luck: Luck) => Promise<void>): FaultKind {
  return {
    name,
    group: GROUP,
    whyNot: ({ noPods }) => noPods,
    play: async ({ pods: crews }, luck) => {
      await together(crews.map((crew) => strike(crew, luck.fork(crew.name))));
    },
  };
}

export const podFaults: readonly FaultKind[] = [
  pods('container killed', (crew, luck) => crew.kill(luck)),
  pods('Pod deleted', (crew, luck) => crew.remove(luck, 'Pod deleted')),
  pods('Pod evicted', (crew, luck) => crew.remove(luck, 'Pod evicted')),
  pods('Deployment restarted', (crew, luck) => crew.restart(luck)),
];
