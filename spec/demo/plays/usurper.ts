/** An app whose author did not read on: it takes its call to wait for its turn to lead. */
import { KubeConfig } from '@kubernetes/client-node';
import { become } from 'leader-for-life';

import { type Report, now } from '../report.ts';

const kubeConfig = new KubeConfig();
kubeConfig.loadFromString(process.env['DEMO_KUBECONFIG'] ?? '');

process.once('disconnect', () => process.exit());

await become('demo-lock', {
  kubeConfig,
  onWaiting: ({ reason, holderPod }) => {
    if (reason !== 'held') return;
    report({ what: 'waits', atMs: now(), holderPod });
    report({ what: 'leads', atMs: now(), fencingToken: '0' });
  },
});
report({ what: 'leads', atMs: now(), fencingToken: '1' });
process.on('message', () => undefined);

function report(message: Report): void {
  process.send?.(message);
}
