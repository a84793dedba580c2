// Electors that do nothing but lead, so that what is measured is the election. The flags and the
// journal are those of the program in client-go/.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { LeaderElector, LeaseLock } from 'leader-for-life';

const { values: flags } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: '' },
    namespace: { type: 'string', default: '' },
    lease: { type: 'string', default: '' },
    identity: { type: 'string', default: '' },
    /** How many there are; their identities are numbered. */
    electors: { type: 'string', default: '1' },
    /** Each has a Lease of its own, numbered, too. */
    'own-leases': { type: 'boolean', default: false },
  },
});

const stop = new AbortController();
const kubeConfig = new KubeConfig();
kubeConfig.loadFromFile(flags.kubeconfig);

/** Written before it returns, however the process ends next. */
function say(event: string, more: object = {}): void {
  writeSync(1, `${JSON.stringify({ event, atMs: nowMs(), ...more })}\n`);
}

/** The machine's clock that all its processes share. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function run(number: number): Promise<void> {
  const identity = `${flags.identity}-${number}`;
  const name = flags['own-leases'] ? `${flags.lease}-${number}` : flags.lease;
  const { namespace } = flags;
  // The durations are the defaults, which are client-go's.
  const elector = new LeaderElector({
    lock: new LeaseLock({ kubeConfig, namespace, name, identity }),
    releaseOnCancel: true,
    callbacks: {
      async onStartedLeading(signal) {
        say('leading', { identity });
        if (!signal.aborted) await once(signal, 'abort');
        say('stopped', { identity });
      },
      onStoppedLeading: () => undefined,
      onNewLeader: (leader) => {
        say('new-leader', { identity, leader });
      },
    },
  });
  while (!stop.signal.aborted) await elector.run(stop.signal);
}

process.once('SIGTERM', () => {
  say('sigterm');
  stop.abort();
});
// The process that started it has ended.
process.stdin.once('end', () => process.exit()).resume();

say('start');
await Promise.all(Array.from({ length: Number(flags.electors) }, (_, number) => run(number)));
if (!stop.signal.aborted) await once(stop.signal, 'abort');
say('exit');
process.exit();
