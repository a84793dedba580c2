import type { Cluster } from '../cluster/state.ts';
import type { Scene } from '../scenarios/scene.ts';
import type { Luck } from '../simulate/luck.ts';
import type { Crew } from './crew.ts';
import type { PodCrew } from './pod-crew.ts';
import type { Chronicle } from './trouble.ts';

/** What faults are played on. */
export interface Stage {
  readonly cluster: Cluster;
  readonly scene: Scene;
  readonly crews: readonly Crew[];
  /** Real Pods, where there is a node for them; else why not. */
  readonly pods: readonly PodCrew[];
  readonly noPods?: string;
  readonly chronicle: Chronicle;
}

/** What can be done to the world. */
export interface FaultKind {
  readonly name: string;
  /** Of faults in one group only one is played at a time. */
  readonly group: string;
  /** Why it cannot be played here; undefined where it can. */
  readonly whyNot?: (stage: Stage) => string | undefined;
  /** Strikes, lasts, heals: when it resolves all is well, or about to be. */
  readonly play: (stage: Stage, luck: Luck) => Promise<void>;
}
