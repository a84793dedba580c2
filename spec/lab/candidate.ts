// A candidate as this library's users write one: it asks for a lock, acts for as long as it may, and
// keeps a journal of it. Variables say what is wanted, so that it runs in a Pod as it does beside one.
import { EventEmitter, once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BecomeOptions,
  type LeadOptions,
  type LeaderElectionError,
  LeaderElector,
  LeaseLock,
  type WaitingState,
  become,
  lead,
} from '../../lib/index.ts';
import { container, folder, name, nowMs, say as write, variable } from './say.ts';

const lock = variable('LOCK', 'lock');
const onSigterm = variable('ON_SIGTERM', 'exit');
const heartbeatMs = Number(variable('HEARTBEAT_MS', '50'));
const kubeconfig = process.env['KUBECONFIG'];
const namespace = process.env['POD_NAMESPACE'];
const given = JSON.parse(variable('OPTIONS', '{}')) as BecomeOptions & LeadOptions;
const stop = new AbortController();
const gate = new EventEmitter();
/** Also of a Pod that has not been told its UID, once it leads. */
let known = {};

function say(event: string, more: object = {}): void {
  write(event, { ...known, ...more });
}

function tell({ reason, message, holder }: WaitingState): void {
  say('waiting', { reason, message, holderPod: holder });
}

/** Reads its file for each request, as a program must where tokens are rotated. */
async function kubeConfigOf(path: string) {
  const { KubeConfig } = await import('@kubernetes/client-node');
  class FileKubeConfig extends KubeConfig {
    override async applyToHTTPSOptions(
      ...options: Parameters<InstanceType<typeof KubeConfig>['applyToHTTPSOptions']>
    ): Promise<void> {
      this.loadFromFile(path);
      await super.applyToHTTPSOptions(...options);
    }
  }
  const config = new FileKubeConfig();
  config.loadFromFile(path);
  return config;
}

const kubeConfig = kubeconfig === undefined ? undefined : await kubeConfigOf(kubeconfig);
const place = { ...(kubeConfig && { kubeConfig }), ...(namespace && { namespace }) };
/** As commanded. */
let isHealthy = true;
const checked = variable('CHECKED', '') !== '' && { healthy: () => isHealthy };
const settings = { ...place, ...given, ...checked, signal: stop.signal, onWaiting: tell };

async function act(mayAct: () => boolean, wake: AbortSignal, more: object = {}): Promise<void> {
  for (let event = 'leading'; ; event = 'heartbeat') {
    // Before it asks: however long it stalls in between, it did not act later than it might.
    const atMs = nowMs();
    if (!mayAct()) break;
    say(event, { atMs, ...(event === 'leading' && more) });
    await sleep(heartbeatMs, undefined, { signal: wake }).catch(() => undefined);
  }
  say(stop.signal.aborted ? 'releasing' : 'lost');
}

async function byBecome(onWaiting = tell): Promise<void> {
  const leadership = await become(lock, { ...settings, onWaiting });
  known = { uid: leadership.podUid };
  const { signal, fencingToken } = leadership;
  const wake = AbortSignal.any([signal, stop.signal]);
  await act(() => !wake.aborted, wake, { fencingToken });
  const isAsked =
    (signal.reason as Partial<LeaderElectionError> | undefined)?.code === 'ERR_STEPPED_DOWN';
  if (!stop.signal.aborted && !isAsked) throw signal.reason;
  await leadership.release();
  say('released');
  if (isAsked) await byBecome(onWaiting);
}

async function byLead(
  afterwards: () => void = () => undefined,
  identity: string | undefined = name,
): Promise<void> {
  const options = { ...settings, identity, recampaign: true };
  await lead(
    lock,
    async ({ signal, fencingToken }) => {
      await act(() => !signal.aborted, signal, { fencingToken });
      afterwards();
    },
    options,
  );
}

async function byElector(): Promise<void> {
  const { labels, ...options } = given;
  const elector: LeaderElector = new LeaderElector({
    ...options,
    ...checked,
    onWaiting: tell,
    lock: new LeaseLock({ ...place, name: lock, identity: name, labels }),
    callbacks: {
      onStartedLeading: (signal) => act(() => elector.isLeader() && !signal.aborted, signal),
      onStoppedLeading: () => undefined,
    },
  });
  while (!stop.signal.aborted) await elector.run(stop.signal);
}

const forms: Readonly<Record<string, () => Promise<void>>> = {
  become: byBecome,
  lead: byLead,
  elector: byElector,
  /** Under another identity each time, as `lead` does by default. */
  anew: () => byLead(undefined, `${name}_${process.pid}_${nowMs()}`),
  /** Asks when commanded to. */
  gated: async () => {
    await once(gate, 'open');
    await byBecome();
  },
  /** An init container: it ends as soon as its Pod leads. */
  once: async () => {
    const { podUid: uid, fencingToken } = await become(lock, settings);
    say('leading', { uid, fencingToken });
    process.exit();
  },
  /** Another container of this Pod became the leader before this one was started. */
  elsewhere: () => act(() => !stop.signal.aborted, stop.signal),
  none: () => Promise.resolve(),
  /** Does not wait until it leads. The checks have to notice. */
  usurper: () => byBecome(() => void act(() => true, stop.signal, { fencingToken: '0' })),
  /** Goes on after its signal has aborted. The checks have to notice. */
  deaf: () => byLead(() => say('heartbeat')),
};

/** What a test wants to happen to this very process. */
const commands: Readonly<Record<string, () => unknown>> = {
  begin: () => gate.emit('open'),
  exit: () => process.exit(0),
  /** At once, without any handler; the first process of a container cannot kill itself by a signal. */
  abort: () => process.abort(),
  sicken: () => (isHealthy = false),
  recover: () => (isHealthy = true),
  crash: () => {
    throw new Error('crashed on command');
  },
  fill: () => writeFileSync('/small/file', Buffer.alloc(2 ** 24)),
  exhaust: () => {
    const hoard: Buffer[] = [];
    // It acts until the kernel ends it.
    setInterval(() => hoard.push(Buffer.alloc(2 ** 24, hoard.length + 1)));
  },
};

function obey(file: string): void {
  if (!existsSync(file)) return;
  const command = readFileSync(file, 'utf8');
  if (!(command in commands)) return;
  // So that the next process of this container does not do so too.
  rmSync(file);
  say('command', { message: command });
  commands[command]?.();
}

process.on('warning', (warning) => {
  const { name: type, message, code } = warning as Error & { code?: string };
  say(type === 'LeaderElectionWarning' ? 'warning' : 'uncaught', { code, message });
});
process.on('uncaughtExceptionMonitor', (error) => {
  say('uncaught', { message: error.stack ?? String(error) });
});
process.on('exit', (code) => say('exit', { code }));
// The first process of a container gets no signal that it does not handle.
if (onSigterm !== 'ignore') {
  process.once('SIGTERM', () => {
    say('sigterm');
    if (onSigterm === 'exit') process.exit(0);
    stop.abort(new Error('this process has to go'));
  });
}
// The program that started it may be killed: then nobody is left to end it.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(2);
}, 1_000).unref();

say('start');
const commanded =
  folder === undefined
    ? undefined
    : setInterval(obey, 50, join(folder, 'commands', `${name}.${container}`));
try {
  await forms[variable('FORM', 'become')]?.();
} catch (error) {
  if (error !== stop.signal.reason) {
    const { code, message, stack } = error as Partial<LeaderElectionError>;
    say('error', { code, message: code === undefined ? stack : message });
    process.exitCode = 1;
  }
}
// Then nothing keeps it alive: it ends, unless the library holds on to something.
if (process.exitCode === 1 || (onSigterm === 'release' && stop.signal.aborted)) {
  clearInterval(commanded);
}
