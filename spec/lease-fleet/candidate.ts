// A candidate as this library's users write one: work that acts for as long as it may, and a journal
// of what comes of it. Its flags and its journal are those of the program in client-go/.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import {
  type Durations,
  type LeaderElectionError,
  LeaderElector,
  LeaseLock,
  lead,
} from '../../lib/index.ts';

const ACT_EVERY_MS = 5;

const { values: flags } = parseArgs({
  options: {
    kubeconfig: { type: 'string', default: '' },
    namespace: { type: 'string', default: '' },
    lease: { type: 'string', default: '' },
    identity: { type: 'string', default: '' },
    'lease-duration-ms': { type: 'string', default: '15000' },
    'renew-deadline-ms': { type: 'string', default: '10000' },
    'retry-period-ms': { type: 'string', default: '2000' },
    'release-on-cancel': { type: 'boolean', default: false },
    events: { type: 'boolean', default: false },
    label: { type: 'string', multiple: true, default: [] },
    /** Only here: `lead`, or client-go's form. */
    form: { type: 'string', default: 'lead' },
  },
});

const durations: Durations = {
  leaseDurationMs: Number(flags['lease-duration-ms']),
  renewDeadlineMs: Number(flags['renew-deadline-ms']),
  retryPeriodMs: Number(flags['retry-period-ms']),
};
const kubeConfig = new KubeConfig();
kubeConfig.loadFromFile(flags.kubeconfig);
const lock = {
  kubeConfig,
  namespace: flags.namespace,
  identity: flags.identity,
  labels: Object.fromEntries(flags.label.map((text) => text.split('=', 2))) as Record<
    string,
    string
  >,
};
const { 'release-on-cancel': releaseOnCancel, events, identity, lease } = flags;
const stop = new AbortController();

/** Written before it returns, however the process ends next. */
function say(event: string, more: object = {}): void {
  writeSync(1, `${JSON.stringify({ event, identity, atMs: nowMs(), ...more })}\n`);
}

/** The machine's clock that all its processes share, whatever their wall clocks say. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function act(mayAct: () => boolean): Promise<void> {
  for (let event = 'leading'; ; event = 'act') {
    // Before it asks: whatever stalls it in between, it did not act later than it may have.
    const atMs = nowMs();
    if (!mayAct()) break;
    say(event, { atMs });
    await sleep(ACT_EVERY_MS);
  }
  say('stopped');
}

async function byLead(): Promise<void> {
  await lead(lease, ({ signal }) => act(() => !signal.aborted), {
    ...lock,
    ...durations,
    releaseOnCancel,
    events,
    recampaign: true,
    signal: stop.signal,
  }).catch((error: unknown) => {
    if (error !== stop.signal.reason) throw error;
  });
}

async function byElector(): Promise<void> {
  const elector: LeaderElector = new LeaderElector({
    ...durations,
    lock: new LeaseLock({ name: lease, ...lock }),
    releaseOnCancel,
    events,
    callbacks: {
      onStartedLeading: (signal) => act(() => elector.isLeader() && !signal.aborted),
      onStoppedLeading: () => undefined,
      onNewLeader: (leader) => say('new-leader', { leader }),
    },
  });
  while (!stop.signal.aborted) await elector.run(stop.signal);
}

process.once('SIGTERM', () => {
  say('sigterm');
  stop.abort(new Error('this process has to go'));
});

say('start', { time: Date.now() });
try {
  await (flags.form === 'lead' ? byLead() : byElector());
} catch (error) {
  const { code, message } = error as LeaderElectionError;
  say('error', { code, message });
  process.exitCode = 1;
}
say('exit');
