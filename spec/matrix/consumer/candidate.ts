/** An app as users write it: one of several replicas, which leads when it is its turn. */
import { KubeConfig } from '@kubernetes/client-node';
import { become } from 'leader-for-life';

const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();

const leadership = await become('my-app-lock', {
  kubeConfig,
  timeoutMs: 30_000,
  onWaiting: ({ reason, holderPod }) => {
    if (reason === 'held') console.log(`${process.env['POD_NAME']} waits for ${holderPod}`);
  },
});
console.log(`${leadership.podName} leads`);

if (process.argv.includes('--release')) {
  await leadership.release();
  console.log(`${leadership.podName} released`);
}
