import type { Mode } from './container.ts';
import type { Scene } from './play.ts';

const opening: Scene = {
  title: () => 'Three replicas start, each in a Pod of its own.',
  perform: (stage) => {
    for (let i = 0; i < 3; i += 1) stage.add();
  },
  outcome: (after) => `leads after ${after}; the others wait.`,
  handsOver: false,
};

/** By mode, in their order. */
export const scenes: Readonly<Record<Mode, readonly Scene[]>> = {
  life: [
    opening,
    {
      title: (old) => `${old} is killed, and its Pod deleted.`,
      perform: ({ cluster }, old) => {
        old?.kill();
        cluster.deletePod(old?.pod ?? '');
      },
      outcome: (after) => `leads ${after} after the Pod was gone.`,
      handsOver: true,
    },
    {
      title: (old) => `${old}'s container crashes, and is restarted in its Pod.`,
      perform: (stage, old) => {
        old?.kill();
        stage.cluster.restartContainer(old?.pod ?? '');
        stage.start(old?.pod ?? '');
      },
      outcome: (after) => `goes on leading ${after} later; no other Pod took over.`,
      handsOver: false,
    },
    {
      title: (old) => `${old} is asked to go, as in a rolling update: it releases the lock.`,
      perform: ({ cluster }, old) => {
        cluster.deletePod(old?.pod ?? '', { gracePeriodSeconds: 1 });
        old?.stop();
      },
      outcome: (after) => `leads ${after} later, before that Pod is gone.`,
      handsOver: true,
    },
    {
      title: (old) => `${old} is evicted: its Pod has failed, but is still there.`,
      perform: ({ cluster }, old) => {
        old?.kill();
        cluster.evictPod(old?.pod ?? '');
      },
      outcome: (after) => `leads ${after} after the Pod failed.`,
      handsOver: true,
    },
  ],
  lease: [
    opening,
    {
      title: (old) => `${old} is asked to go: it stops its work, then releases the lease.`,
      perform: (_, old) => old?.stop(),
      outcome: (after) => `leads ${after} later.`,
      handsOver: true,
    },
    {
      title: (old) => `${old} is killed: its lease expires 15 s after the last renewal.`,
      perform: (_, old) => old?.kill(),
      outcome: (after) => `leads ${after} later.`,
      handsOver: true,
    },
    {
      title: (old) => `${old} is cut off: it stops 10 s after the last renewal.`,
      perform: (_, old) => old?.cutOff(),
      outcome: (after) => `leads ${after} later.`,
      handsOver: true,
    },
  ],
};
