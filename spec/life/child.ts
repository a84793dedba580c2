/** A process that calls `become` in one of several ways and then has nothing more to do. */
import { KubeConfig } from '@kubernetes/client-node';

import { become } from '../../lib/index.ts';

const [mode = '', kubeConfigText = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  if (mode === 'outside') {
    const leadership = await become('lock');
    console.log('skipped', leadership.skipped, leadership.fencingToken);
    await leadership.release();
    return;
  }
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(kubeConfigText);
  const abort = new AbortController();
  const leadership = become('lock', {
    kubeConfig,
    namespace: 'default',
    guard: mode.startsWith('guard'),
    signal: abort.signal,
    onWaiting: () => {
      abort.abort(new Error('enough'));
    },
  });
  if (mode === 'abort') {
    await leadership.catch((error: unknown) => {
      console.log('aborted', String(error));
    });
    return;
  }
  const won = await leadership;
  console.log('leading', won.podName);
  if (mode.endsWith('release')) await won.release();
  console.log('end');
}

await main();
