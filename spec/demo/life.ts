import { checkLives } from './checks.ts';
import type { Play } from './show.ts';
import type { Stage } from './stage.ts';

/** Leader for life: what may happen to a leader, and who leads then. */
export const play: Play = {
  motto: 'of several replicas, at most one leads.',
  limitMs: 60_000,
  form: 'become',
  options: {},
  lock: (cluster) => {
    const metadata = cluster.getConfigMap('demo')?.metadata;
    if (!metadata) return undefined;
    const { uid, resourceVersion, ownerReferences } = metadata;
    return { uid, resourceVersion, ownerUid: ownerReferences?.[0]?.uid };
  },
  check: (acts, { entries }) => checkLives(acts, entries),
  perform,
};

async function perform(stage: Stage): Promise<void> {
  const { deployment } = stage;

  await stage.open(3, {
    title: () => 'Three replicas start, each in a Pod and a process of its own.',
    outcome: (after) => `leads after ${after}; the others wait.`,
  });

  await stage.play({
    title: (old) => `${old} is killed (SIGKILL), and then its Pod deleted.`,
    expected: 'another Pod',
    perform: async (old) => {
      const goneMs = await deployment.kill(old);
      deployment.cluster.deletePod(old.pod);
      return goneMs;
    },
    replaced: true,
    outcome: (after) => `leads ${after} after the Pod was gone.`,
  });

  await stage.play({
    title: (old) => `${old}'s container crashes (SIGKILL), and is restarted in its Pod.`,
    expected: 'the same Pod',
    perform: async (old) => {
      const diedMs = await deployment.kill(old);
      await deployment.restart(old);
      return diedMs;
    },
    replaced: false,
    outcome: (after) => `goes on leading ${after} later; nobody took over.`,
  });

  await stage.play({
    title: (old) => `${old} is asked to go, as in a rolling update. It releases the lock.`,
    expected: 'another Pod',
    perform: (old) => {
      deployment.cluster.deletePod(old.pod, { gracePeriodSeconds: 30 });
      return deployment.stop(old);
    },
    clear: async (old) => {
      if (!deployment.cluster.getPod(old.pod)) throw new Error(`${old.pod} went too soon`);
      await deployment.ended(old);
      deployment.cluster.deletePod(old.pod);
    },
    replaced: true,
    outcome: (after) => `leads ${after} later, before that Pod is gone.`,
  });

  await stage.play({
    title: (old) => `${old} is evicted: killed, while its Pod stays and has failed.`,
    expected: 'another Pod',
    perform: async (old) => {
      const failedMs = await deployment.kill(old);
      deployment.cluster.evictPod(old.pod);
      return failedMs;
    },
    replaced: true,
    outcome: (after) => `leads ${after} after the Pod failed.`,
  });
}
