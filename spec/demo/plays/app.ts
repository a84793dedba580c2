/** The app that each replica runs: what a user writes, and reports of what it does. */
import { KubeConfig } from '@kubernetes/client-node';
import { become } from 'leader-for-life';

import { type Report, now } from '../report.ts';

// In a Pod none of this is needed: there, the service account says how to reach the API server.
const kubeConfig = new KubeConfig();
kubeConfig.loadFromString(process.env['DEMO_KUBECONFIG'] ?? '');

// Who was left alone by the demo must not stay behind.
process.once('disconnect', () => process.exit());

const leadership = await become('demo-lock', {
  kubeConfig,
  onWaiting: ({ reason, holderPod }) => {
    if (reason === 'held') report({ what: 'waits', atMs: now(), holderPod });
  },
});
report({ what: 'leads', atMs: now(), fencingToken: leadership.fencingToken });
const work = setInterval(() => report({ what: 'works', atMs: now() }), 50);

// There is only one order: to stop.
process.once('message', () => void stop());

async function stop(): Promise<void> {
  clearInterval(work);
  report({ what: 'releases', atMs: now() });
  await leadership.release();
  process.disconnect();
}

function report(message: Report): void {
  process.send?.(message);
}
