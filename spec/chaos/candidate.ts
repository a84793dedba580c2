// A candidate of a chaos run, in either mode: work that acts for as long as it may, and a journal of
// what comes of it, one JSON object a line. Its kubeconfig may change at any time.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import {
  type LeaderElectionError,
  LeaderElector,
  LeaseLock,
  become,
  lead,
} from '../../lib/index.ts';

const ACT_EVERY_MS = 20;

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
    form: { type: 'string', default: 'lead' },
    'pod-uid': { type: 'string', default: '' },
    'max-backoff-ms': { type: 'string', default: '16000' },
    guard: { type: 'boolean', default: false },
  },
});

const { namespace, identity, lease: name } = flags;
const { pid } = process;
const stop = new AbortController();

/** Reads its file for each request, as whoever rotates tokens has to. */
class FileKubeConfig extends KubeConfig {
  override async applyToHTTPSOptions(
    ...options: Parameters<KubeConfig['applyToHTTPSOptions']>
  ): Promise<void> {
    this.loadFromFile(flags.kubeconfig);
    await super.applyToHTTPSOptions(...options);
  }
}

const kubeConfig = new FileKubeConfig();
kubeConfig.loadFromFile(flags.kubeconfig);
const durations = {
  leaseDurationMs: Number(flags['lease-duration-ms']),
  renewDeadlineMs: Number(flags['renew-deadline-ms']),
  retryPeriodMs: Number(flags['retry-period-ms']),
};

/** Written before it returns, however the process ends next. */
function say(event: string, more: object = {}): void {
  writeSync(1, `${JSON.stringify({ event, identity, pid, atMs: nowMs(), ...more })}\n`);
}

/** The machine's clock that all its processes share, whatever their wall clocks say. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function act(mayAct: () => boolean, more: { fencingToken?: string } = {}): Promise<void> {
  for (let event = 'leading'; ; event = 'act') {
    // Before it asks: whatever stalls it in between, it did not act later than it may have.
    const atMs = nowMs();
    if (!mayAct()) break;
    say(event, event === 'leading' ? { atMs, ...more } : { atMs });
    await sleep(ACT_EVERY_MS);
  }
  say('stopped');
}

async function byBecome(): Promise<void> {
  const leadership = await become(name, {
    kubeConfig,
    namespace,
    podName: identity,
    podUid: flags['pod-uid'],
    maxBackoffMs: Number(flags['max-backoff-ms']),
    guard: flags.guard,
    signal: stop.signal,
    onWaiting: ({ reason, message, holderPod }) => {
      say('waiting', { reason, message, leader: holderPod });
    },
  });
  const { signal, fencingToken } = leadership;
  await act(() => !signal.aborted && !stop.signal.aborted, { fencingToken });
  if (!stop.signal.aborted) throw signal.reason;
  await leadership.release();
}

async function byLead(): Promise<void> {
  await lead(name, ({ signal, fencingToken }) => act(() => !signal.aborted, { fencingToken }), {
    kubeConfig,
    namespace,
    identity,
    ...durations,
    releaseOnCancel: flags['release-on-cancel'],
    recampaign: true,
    signal: stop.signal,
  });
}

async function byElector(): Promise<void> {
  const lock = new LeaseLock({ name, kubeConfig, namespace, identity });
  const elector: LeaderElector = new LeaderElector({
    ...durations,
    lock,
    releaseOnCancel: flags['release-on-cancel'],
    callbacks: {
      onStartedLeading: (signal) => act(() => elector.isLeader() && !signal.aborted),
      onStoppedLeading: () => undefined,
      onNewLeader: (leader) => say('new-leader', { leader }),
    },
  });
  while (!stop.signal.aborted) await elector.run(stop.signal);
}

const forms: Readonly<Record<string, () => Promise<void>>> = {
  become: byBecome,
  lead: byLead,
  elector: byElector,
};

process.once('SIGTERM', () => {
  say('sigterm');
  stop.abort(new Error('this process has to go'));
});
process.on('uncaughtExceptionMonitor', (error) => {
  say('uncaught', { message: error.stack ?? String(error) });
});
process.on('warning', ({ name: type, message }) => {
  say(type === 'LeaderElectionWarning' ? 'warning' : 'uncaught', { message });
});

// Whoever started it may be killed: then nobody is left to end it.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(2);
}, 1_000).unref();

say('start', { time: Date.now() });
try {
  await forms[flags.form]?.();
} catch (error) {
  if (error !== stop.signal.reason) {
    const { code, message, stack } = error as Partial<LeaderElectionError>;
    say('error', { code, message: code === undefined ? stack : message });
    process.exitCode = 1;
  }
}
say('exit');
