/** Both modes on a cluster in the process, without Node.js: returns who led, and when. */
import { become, lead } from 'leader-for-life';
import { createCluster, SimulatedClock } from 'leader-for-life/testing';

export async function run(): Promise<string[]> {
  const clock = new SimulatedClock({ seed: 3 });
  const cluster = await createCluster({ http: false, clock });
  const led: string[] = [];
  const note = (who: string) => led.push(`${Math.round(clock.now() / 1_000)} s: ${who}`);
  const pods = ['a', 'b'].map((name) => cluster.createPod(name));

  for (const pod of pods) {
    void become('lock', cluster.optionsFor(pod)).then(({ podName }) => note(`${podName} for life`));
  }
  await clock.runUntil(() => led.length === 1);
  await clock.advance(3_600_000);
  cluster.deletePod('a');
  await clock.runUntil(() => led.length === 2);

  const forever = new Promise<never>(() => undefined);
  const hung = cluster.faults.add({ user: 'c', verb: 'update', hang: true });
  for (const name of ['c', 'd']) {
    const pod = cluster.createPod(name);
    const { kubeConfig } = cluster.optionsFor(pod, { user: name });
    const work = async ({ signal }: { readonly signal: AbortSignal }) => {
      note(`${name} by a lease`);
      await Promise.race([forever, ended(signal)]);
    };
    lead('lease', work, { kubeConfig, identity: name }).catch(() => note(`${name} has lost it`));
    await clock.runUntil(() => cluster.getLease('lease') !== undefined);
  }
  await clock.runUntil(() => led.length === 5);
  hung.remove();
  await cluster.close();
  return led;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
}
