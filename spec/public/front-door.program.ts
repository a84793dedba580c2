/** A snippet's surroundings: a cluster, work that says what it does, and SIGTERM in the phase that is asked for. */
import { become as becomeAnywhere, lead as leadAnywhere } from '../../lib/index.ts';
import type { BecomeOptions, LeadOptions, LeaseLeadership } from '../../lib/index.ts';
import { createCluster } from '../../lib/testing/index.ts';

const phase = process.env['PHASE'];
const cluster = await createCluster({ http: false });
const own = cluster.optionsFor(cluster.createPod('own'));
const other = cluster.optionsFor(cluster.createPod('other'));
const terminate = () => process.kill(process.pid, 'SIGTERM');
const say = (what: string) => console.log(what);

function startController(): { stop(): Promise<void> } {
  say('work starts');
  // Work keeps a process alive.
  const timer = setInterval(() => undefined, 1_000);
  if (phase === 'starting') terminate();
  if (phase === 'leading') setImmediate(terminate);
  return {
    stop: async () => {
      await new Promise(setImmediate);
      clearInterval(timer);
      say('work ends');
    },
  };
}

let rounds = 0;
async function reconcile(): Promise<void> {
  rounds += 1;
  if (rounds === 1) say('work starts');
  if (rounds === (phase === 'starting' ? 1 : 2)) terminate();
  await new Promise(setImmediate);
}

Object.assign(globalThis, { startController, reconcile });

const onWaiting = () => {
  if (phase === 'waiting') terminate();
};

export async function become(name: string, options: BecomeOptions) {
  if (phase === 'waiting') await becomeAnywhere(name, other);
  const leadership = await becomeAnywhere(name, { ...own, ...options, onWaiting });
  void leadership.ended.then(() => say('released'));
  return leadership;
}

export async function lead<T>(
  name: string,
  work: (leadership: LeaseLeadership) => Promise<T>,
  options: LeadOptions,
) {
  const { kubeConfig } = own;
  const holder = new AbortController();
  if (phase === 'waiting') {
    await new Promise<void>((resolve) => {
      const holds = async ({ ended }: LeaseLeadership) => {
        resolve();
        await ended;
      };
      const { kubeConfig: theirs } = other;
      const held = leadAnywhere(name, holds, { kubeConfig: theirs, signal: holder.signal });
      held.catch(() => undefined);
    });
  }
  return leadAnywhere(name, work, { kubeConfig, ...options, onWaiting }).finally(() => {
    holder.abort();
    if (cluster.getLease(name)?.spec?.holderIdentity === '') say('released');
  });
}
