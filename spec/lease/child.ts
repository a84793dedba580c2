/**
 * A process that leads, and watches itself: whenever it has not run for a while, it tells what each
 * kind of code saw first when it did again. One JSON object per line.
 */
import { KubeConfig } from '@kubernetes/client-node';

import { LeaderElector } from '../../lib/lease/elector.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';

const GAP_MS = 1_000;

const [kubeConfigText = ''] = process.argv.slice(2);
const kubeConfig = new KubeConfig();
kubeConfig.loadFromString(kubeConfigText);

let signal: AbortSignal | undefined;
let seenMs = performance.now();
let kinds = new Set<string>();

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Looks at what leadership there is. */
function look(kind: string): void {
  const isLeader = elector.isLeader();
  const aborted = signal?.aborted;
  const nowMs = performance.now();
  if (nowMs - seenMs > GAP_MS) kinds = new Set();
  seenMs = nowMs;
  if (kinds.has(kind) || !signal) return;
  kinds.add(kind);
  tell({ kind, isLeader, aborted });
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
tell({ kind: 'ended', isLeader: elector.isLeader() });
