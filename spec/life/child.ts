/** A process that calls `become` and then has nothing more to do: `abort`, `guard`, `release` may be said. */
import { KubeConfig } from '@kubernetes/client-node';

import { become } from '../../lib/index.ts';

const [modes = '', kubeConfigText = ''] = process.argv.slice(2);
const abort = new AbortController();

function insideOptions() {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(kubeConfigText);
  const onWaiting = () => {
    abort.abort(new Error('enough'));
  };
  const { signal } = abort;
  return { kubeConfig, namespace: 'default', guard: modes.includes('guard'), signal, onWaiting };
}

try {
  const leadership = await become('lock', kubeConfigText === '' ? {} : insideOptions());
  console.log('leads', leadership.podName, leadership.skipped, leadership.fencingToken === '0');
  if (modes.includes('release')) await leadership.release();
} catch (error) {
  console.log(String(error));
}
