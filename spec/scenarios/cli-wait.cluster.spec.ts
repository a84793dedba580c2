import { expect } from 'vitest';

import { cliScenario } from './cli-scene.ts';

cliScenario('wait in an init container: the app starts when its Pod leads', async (cli) => {
  const { scene } = cli;
  const init = cli.container('leader', { args: ['wait', 'lock'] });
  const spec = cli.podSpec({ initContainers: [init], containers: [cli.worker('always')] });
  await cli.pod('a', spec);
  const first = await cli.acting();
  await cli.pod('b', spec);
  await cli.writes('b', 'Pod a on node', 'leader');
  expect(scene.saidBy('b')).toEqual([]);

  // A restart of the app is no end of the Pod, which leads on.
  process.kill(await cli.processOf('a', 'python'), 'SIGKILL');
  const again = await cli.acting(first);
  expect(again.pod).toBe('a');
  await scene.deletePod('a');
  const next = await cli.acting(again);
  expect(next.pod).toBe('b');
  expect((await scene.lock())?.metadata?.ownerReferences?.[0]?.uid).toBe(next.uid);
});
