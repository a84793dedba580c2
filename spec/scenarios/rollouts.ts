/**
 * Counts the handovers of rolling updates on real Pods:
 * `node spec/scenarios/rollouts.ts --updates 20 --mode life --options '{"deletionCost":1000}'`. It
 * takes a cluster with a node (`npm run cluster -- up --node --name NAME`).
 */
import { parseArgs } from 'node:util';
import type { BecomeOptions } from '../../lib/index.ts';
import { load } from '../cluster/state.ts';
import { candidateImage } from './image.ts';
import { Rollout, type Update } from './rolling-update.ts';
import { Scene } from './scene.ts';

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'default' },
    updates: { type: 'string', default: '20' },
    mode: { type: 'string', default: 'life' },
    options: { type: 'string', default: '{}' },
    surge: { type: 'string', default: '1' },
    unavailable: { type: 'string', default: '0' },
  },
});
const cluster = load(values.name);
if (!cluster) throw new Error(`there is no cluster ${values.name}`);
const pods = { marks: true, prefers: true };
const scene = await Scene.open(cluster, await candidateImage(cluster), { pods });
const updates: Update[] = [];
try {
  const rollout = await Rollout.begin(scene, {
    mode: values.mode === 'lease' ? 'lease' : 'life',
    options: JSON.parse(values.options) as BecomeOptions,
    maxSurge: Number(values.surge),
    maxUnavailable: Number(values.unavailable),
  });
  for (let count = 1; count <= Number(values.updates); count += 1) {
    const update = await rollout.update();
    updates.push(update);
    console.log(`${count}: ${update.isDirect ? 'direct' : 'NOT'} ${update.leaders.join(' > ')}`);
  }
  if (values.mode === 'life') console.log('violations:', scene.violations());
} finally {
  const direct = updates.filter(({ isDirect }) => isDirect).length;
  const handovers = updates.map(({ leaders }) => leaders.length);
  console.log(`${direct} of ${updates.length} direct; handovers: ${handovers.join(' ')}`);
  await scene.close();
}
