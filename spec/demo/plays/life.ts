import { checkLives } from '../checks.ts';
import { Surprise } from '../journal.ts';
import type { Play } from '../show.ts';
import type { Stage } from '../stage.ts';

/** Leader for life: what may happen to a leader, and who leads then. */
export const play: Play = {
  motto: 'of several replicas exactly one leads.',
  limitMs: 18_000,
  app: new URL('app.ts', import.meta.url),
  lock: (cluster) => {
    const metadata = cluster.getConfigMap('demo-lock')?.metadata;
    if (!metadata) return undefined;
    const { uid, resourceVersion, ownerReferences } = metadata;
    return { uid, resourceVersion, ownerUid: ownerReferences?.[0]?.uid };
  },
  check: checkLives,
  perform,
};

async function perform(stage: Stage): Promise<void> {
  const { deployment, journal } = stage;

  await stage.open(3, {
    title: () => 'Three replicas start, each in a Pod and a process of its own.',
    outcome: (after) => `leads after ${after}; the others wait.`,
  });

  await stage.play({
    title: (old) => `${old} is killed (SIGKILL), and then its Pod deleted.`,
    expected: 'another Pod',
    perform: async (old) => {
      await deployment.kill(old);
      const goneMs = deployment.nowMs;
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
      await deployment.kill(old);
      const diedMs = deployment.nowMs;
      deployment.restart(old);
      return diedMs;
    },
    replaced: false,
    outcome: (after) => `goes on leading ${after} later; nobody took over.`,
  });

  await stage.play({
    title: (old) => `${old} is asked to go, as in a rolling update. It releases the lock.`,
    expected: 'another Pod',
    perform: async (old) => {
      deployment.cluster.deletePod(old.pod, { gracePeriodSeconds: 30 });
      deployment.stop(old);
      const released = await journal.until(() =>
        journal.entries.find(({ what, pod }) => what === 'releases' && pod === old.pod),
      );
      return released.atMs;
    },
    clear: async (old) => {
      if (!deployment.cluster.getPod(old.pod)) throw new Surprise(`${old.pod} went too soon`);
      await journal.until(() => !deployment.hasProcess(old));
      deployment.cluster.deletePod(old.pod);
    },
    replaced: true,
    outcome: (after) => `leads ${after} later, before that Pod is gone.`,
  });

  await stage.play({
    title: (old) => `${old} is evicted: killed, while its Pod stays and has failed.`,
    expected: 'another Pod',
    perform: async (old) => {
      await deployment.kill(old);
      const failedMs = deployment.nowMs;
      deployment.cluster.evictPod(old.pod);
      return failedMs;
    },
    replaced: true,
    outcome: (after) => `leads ${after} after the Pod failed.`,
  });
}
