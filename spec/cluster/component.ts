import { setTimeout as sleep } from 'node:timers/promises';
import { controlPlaneComponents, startComponent } from './control-plane.ts';
import type { ControlPlaneComponent } from './control-plane.ts';
import { nodeComponents, startNodeComponent } from './node.ts';
import type { NodeComponent } from './node.ts';
import { find, signal } from './process.ts';
import type { Running } from './process.ts';
import type { Cluster } from './state.ts';

/** Component is the name of a program that a cluster consists of. */
export type Component = ControlPlaneComponent | NodeComponent;

export const components: readonly Component[] = [...controlPlaneComponents, ...nodeComponents];

/** Control does to a component what a test wants to happen to it. */
export interface Control {
  /** Its process id; undefined when it does not run. */
  pid(): number | undefined;
  /** Stops it with SIGSTOP: it keeps its connections, and answers nothing. */
  stop(): Promise<void>;
  /** Lets it go on after `stop`. */
  continue(): Promise<void>;
  /** Kills it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Kills it if it runs, starts it again; resolves when it answers that it is ready. */
  restart(): Promise<void>;
}

const POLL_MS = 2;

/** control gives a test power over one component of a cluster. */
export function control(cluster: Cluster, component: Component): Control {
  const look = (): Running | undefined => find(cluster.folder, component);
  const send = async (name: NodeJS.Signals, done: (now?: Running) => boolean): Promise<void> => {
    const running = look();
    if (!running) throw new Error(`${component} of the cluster ${cluster.name} does not run`);
    signal(running.pid, name);
    while (!done(look())) await sleep(POLL_MS);
  };
  const kill = (): Promise<void> => send('SIGKILL', (now) => now === undefined);
  return {
    pid: () => look()?.pid,
    stop: () => send('SIGSTOP', (now) => now?.isStopped !== false),
    continue: () => send('SIGCONT', (now) => now?.isStopped !== true),
    kill,
    restart: async () => {
      if (look()) await kill();
      if (isOfNode(component)) await startNodeComponent(cluster, component);
      else await startComponent(cluster, component);
    },
  };
}

function isOfNode(component: Component): component is NodeComponent {
  return (nodeComponents as readonly string[]).includes(component);
}
