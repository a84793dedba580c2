/** An app whose author did not read on: its work goes on for a while after its signal has aborted. */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';

import { KubeConfig } from '@kubernetes/client-node';
import { type LeaseLeadership, lead, observeLease } from 'leader-for-life';

import { type Report, now } from '../report.ts';
import { durations } from './durations.ts';

const kubeConfig = new KubeConfig();
kubeConfig.loadFromString(process.env['DEMO_KUBECONFIG'] ?? '');
const identity = process.env['POD_NAME'] ?? '';
const stop = new AbortController();

process.once('disconnect', () => process.exit());
process.once('message', () => stop.abort());

void look();
const options = { ...durations, kubeConfig, identity, signal: stop.signal, recampaign: true };
await lead('demo-lease', work, options).catch(() => undefined);
process.disconnect();

async function work({ signal, fencingToken }: LeaseLeadership): Promise<void> {
  report({ what: 'leads', atMs: now(), fencingToken });
  const working = setInterval(() => report({ what: 'works', atMs: now() }), 50);
  await once(signal, 'abort');
  report({ what: stop.signal.aborted ? 'releases' : 'loses', atMs: now() });
  await setTimeout(200);
  clearInterval(working);
}

async function look(): Promise<void> {
  for await (const holder of observeLease('demo-lease', { kubeConfig, signal: stop.signal })) {
    if (!holder || holder.identity === identity) continue;
    report({ what: 'waits', atMs: now(), holderPod: holder.identity });
  }
}

function report(message: Report): void {
  process.send?.(message);
}
