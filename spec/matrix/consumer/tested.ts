/** A test's fixture, likewise. */
import { become } from 'leader-for-life';
import { createCluster, type Cluster } from 'leader-for-life/testing';

export async function cluster(): Promise<Cluster> {
  const made = await createCluster();
  await become('my-app-lock', made.optionsFor(made.createPod('my-app-0')));
  return made;
}
