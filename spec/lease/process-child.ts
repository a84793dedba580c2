/** A process that uses lease mode in one of several ways and then has nothing more to do. */
import { KubeConfig } from '@kubernetes/client-node';

import { LeaderElector, LeaseLock, lead } from '../../lib/index.ts';

const [mode = '', kubeConfigText = ''] = process.argv.slice(2);

const kubeConfig = new KubeConfig();
if (kubeConfigText !== '') kubeConfig.loadFromString(kubeConfigText);
const place = { kubeConfig, namespace: 'default', identity: 'child' };
const enough = new Error('enough');

const modes: Readonly<Record<string, () => Promise<unknown>>> = {
  outside: () => lead('lock', ({ skipped }) => `skipped: ${skipped}`),
  returns: () => lead('lock', ({ skipped }) => `skipped: ${skipped}`, { ...place, events: true }),
  throws: () => lead('lock', () => Promise.reject(enough), place),
  cancelled: () => lead('lock', () => undefined, { ...place, signal: AbortSignal.abort(enough) }),
  async waits() {
    const stop = new AbortController();
    const callbacks = {
      onStartedLeading: () => undefined,
      onStoppedLeading: () => undefined,
      // From then on it waits for the one that leads.
      onNewLeader: () => {
        stop.abort(enough);
      },
    };
    await new LeaderElector({ lock: new LeaseLock({ ...place, name: 'lock' }), callbacks }).run(
      stop.signal,
    );
    return 'stopped';
  },
  /** Work that never settles is given up. */
  hangs() {
    const stop = new AbortController();
    const never = () => {
      stop.abort(enough);
      return new Promise(() => undefined);
    };
    const durations = { leaseDurationMs: 1_000, renewDeadlineMs: 500, retryPeriodMs: 100 };
    return lead('lock', never, { ...place, ...durations, signal: stop.signal });
  },
  async reads() {
    const version = await new LeaseLock({ ...place, name: 'lock' }).get();
    return `holder: ${version?.record.holderIdentity ?? ''}`;
  },
};

console.log(await modes[mode]?.().catch(String));
