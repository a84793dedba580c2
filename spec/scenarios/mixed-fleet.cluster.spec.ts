import { describe, expect } from 'vitest';

import { operatorLib } from './go-images.ts';
import { scenario } from './scenario.ts';

describe.concurrent('a fleet of Pods with this library and Pods with Go’s operator-lib', () => {
  scenario('hands over from Go to us, and from us to Go', async (scene) => {
    const go = await operatorLib(scene.cluster);
    await scene.pod('go-1', go);
    const first = await scene.leader();
    expect(first.pod).toBe('go-1');
    await scene.pod('ours');
    await scene.followers(1, first);

    await scene.deletePod('go-1');
    const second = await scene.successor(first);
    expect(second.pod).toBe('ours');

    await scene.pod('go-2', go);
    await scene.rejected('go-2');
    await scene.deletePod('ours');
    const third = await scene.successor(second);
    expect(third.pod).toBe('go-2');
  });

  scenario('has one leader when Pods of both come and go at the same time', async (scene) => {
    const go = await operatorLib(scene.cluster);
    await Promise.all([scene.deployment('go', 2, go), scene.deployment('ours', 2)]);
    let leader = await scene.leader();
    for (let handovers = 0; handovers < 3; handovers += 1) {
      await scene.deletePod(leader.pod);
      leader = await scene.successor(leader);
    }
  });
});
