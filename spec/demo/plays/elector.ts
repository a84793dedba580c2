/** The app that each replica runs: what a user writes, and reports of what it does. */
import { once } from 'node:events';

import { KubeConfig } from '@kubernetes/client-node';
import { type LeaseLeadership, lead, observeLease } from 'leader-for-life';

import { type Report, now } from '../report.ts';
import { durations } from './durations.ts';

// In a Pod none of this is needed: there, the service account says how to reach the API server.
const kubeConfig = new KubeConfig();
kubeConfig.loadFromString(process.env['DEMO_KUBECONFIG'] ?? '');

const identity = process.env['POD_NAME'] ?? '';
const stop = new AbortController();
const { signal } = stop;
let leads = false;

// Who was left alone by the demo must not stay behind.
process.once('disconnect', () => process.exit());
// There is only one order: to stop.
process.once('message', () => stop.abort());

void look();
try {
  const options = { ...durations, kubeConfig, identity, signal, recampaign: true };
  await lead('demo-lease', work, options);
} catch (error) {
  if (error !== signal.reason) throw error;
}
process.disconnect();

/** Leadership ends when its signal aborts: the lease is then lost, or about to be released. */
async function work({ signal: end, fencingToken }: LeaseLeadership): Promise<void> {
  leads = true;
  report({ what: 'leads', atMs: now(), fencingToken });
  const working = setInterval(() => report({ what: 'works', atMs: now() }), 50);
  if (!end.aborted) await once(end, 'abort');
  clearInterval(working);
  report({ what: signal.aborted ? 'releases' : 'loses', atMs: now() });
  leads = false;
}

async function look(): Promise<void> {
  for await (const holder of observeLease('demo-lease', { kubeConfig, signal })) {
    if (leads || !holder || holder.identity === identity) continue;
    report({ what: 'waits', atMs: now(), holderPod: holder.identity });
  }
}

function report(message: Report): void {
  process.send?.(message);
}
