/**
 * A process that leads, and watches itself: whenever it has not run for a while, it tells what each
 * kind of code saw first when it did again. One JSON object per line.
 */
import { KubeConfig } from '@kubernetes/client-node';

import { LeaderElector } from '../../lib/lease/elector.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';

const GAP_MS = 1_000;

const [kubeConfigText = '', what = ''] = process.argv.slice(2);
const kubeConfig = new KubeConfig();
kubeConfig.loadFromString(kubeConfigText);

let signal: AbortSignal | undefined;
let seenMs = performance.now();
let kinds = new Set<string>();

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Whether it leads, by the one or the other way to ask. */
const leads = () => (what === 'isLeader' ? elector.isLeader() : signal?.aborted === false);

/** Tells whether it leads, if it did not run for a while and this kind of code has not looked since. */
function look(kind: string): void {
  const beforeMs = performance.now();
  const answer = leads();
  const nowMs = performance.now();
  if (nowMs - seenMs > GAP_MS) kinds = new Set();
  seenMs = nowMs;
  // Stopped in the middle of it: there is no telling when the answer was given.
  if (nowMs - beforeMs > GAP_MS || kinds.has(kind) || !signal) return;
  kinds.add(kind);
  tell({ kind, leads: answer });
}

// Older than any timer of the library.
setInterval(() => {
  look('timer');
  setImmediate(() => {
    look('immediate');
  });
}, 5);
process.stdin.on('data', () => {
  look('input');
});
// Until whoever started it has seen enough.
process.stdin.on('end', () => {
  process.exit();
});

const elector = new LeaderElector({
  lock: new LeaseLock({ name: 'lock', namespace: 'default', identity: 'child', kubeConfig }),
  leaseDurationMs: 2_000,
  renewDeadlineMs: 1_200,
  retryPeriodMs: 400,
  callbacks: {
    onStartedLeading: (given) => {
      signal = given;
      tell({ kind: 'started' });
    },
    onStoppedLeading: () => {
      tell({ kind: 'stopped' });
    },
  },
});

await elector.run();
tell({ kind: 'ended', leads: leads() });
