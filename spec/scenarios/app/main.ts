// An operator as its users write one: it asks for the lock with what its Pod gives it, and says in
// the scene's folder what comes of it, one JSON object a line, so that nothing is lost with a Pod.
import { EventEmitter, once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BecomeOptions, LeaderElectionError, type Leadership, become } from 'leader-for-life';
import { container, folder, pod, variable, say as write } from './say.ts';

const HEARTBEAT_MS = 50;

const onSigterm = variable('ON_SIGTERM', 'exit');
const stop = new AbortController();
const gate = new EventEmitter();

let leadership: Leadership | undefined;
let heartbeat: NodeJS.Timeout | undefined;

/** Also where the Pod has not been told its UID. */
function say(event: string, more: object = {}): void {
  write(event, { ...(leadership && { uid: leadership.podUid }), ...more });
}

async function options(): Promise<BecomeOptions> {
  const given = JSON.parse(variable('BECOME_OPTIONS', '{}')) as BecomeOptions;
  const path = process.env['KUBECONFIG'];
  return {
    ...given,
    signal: stop.signal,
    onWaiting: ({ reason, message, holderPod }) => {
      say('waiting', { reason, message, holderPod });
    },
    ...(path !== undefined && { kubeConfig: await kubeConfig(path) }),
  };
}

async function kubeConfig(path: string) {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

async function lead(): Promise<void> {
  const election = variable('ELECTION', 'become');
  if (election === 'none') return;
  if (election === 'gated') await once(gate, 'open');
  if (election === 'elsewhere') {
    // Another container of this Pod became the leader before this one was started.
    say('leading');
    heartbeat = setInterval(() => {
      say('heartbeat');
    }, HEARTBEAT_MS);
    return;
  }
  leadership = await become(variable('LOCK', 'lock'), await options());
  const { fencingToken, attempts, waitedMs, signal } = leadership;
  say('leading', { fencingToken, attempts, waitedMs });
  if (variable('ONCE_LEADING', 'stay') === 'exit') process.exit(0);
  heartbeat = setInterval(() => {
    say('heartbeat');
  }, HEARTBEAT_MS);
  signal.addEventListener('abort', () => {
    clearInterval(heartbeat);
    const { code } = signal.reason as LeaderElectionError;
    if (code === 'ERR_LEADERSHIP_LOST') say('lost');
  });
}

/** Stops the work first, then gives the lock up: in this order. */
async function release(): Promise<void> {
  stop.abort(new Error('this Pod has to go'));
  if (!leadership) return;
  clearInterval(heartbeat);
  say('releasing');
  await leadership.release();
  say('released');
}

async function onSignal(): Promise<void> {
  say('sigterm');
  if (onSigterm === 'release' || onSigterm === 'linger') await release();
  if (onSigterm !== 'linger') process.exit(0);
}

/** What a test wants to happen to this very process. */
const commands: Readonly<Record<string, () => unknown>> = {
  begin: () => gate.emit('open'),
  exit: () => process.exit(0),
  crash: () => {
    throw new Error('crashed on command');
  },
  fill: () => {
    writeFileSync('/small/file', Buffer.alloc(2 ** 24));
  },
  exhaust: () => {
    const hoard: Buffer[] = [];
    for (;;) hoard.push(Buffer.alloc(2 ** 24, hoard.length + 1));
  },
};

function obey(): void {
  const file = join(folder, 'commands', `${pod}.${container}`);
  if (!existsSync(file)) return;
  const command = readFileSync(file, 'utf8');
  if (!(command in commands)) return;
  // So that the next process of this container does not do so too.
  rmSync(file);
  say('command', { command });
  commands[command]?.();
}

process.on('warning', (warning) => {
  const { code } = warning as Error & { code?: string };
  if (warning.name === 'LeaderElectionWarning') say('warning', { code, message: warning.message });
});
process.on('uncaughtExceptionMonitor', (error) => {
  say('uncaught', { message: error.message });
});
process.on('exit', (code) => {
  say('exit', { code });
});
// The first process of a container gets no signal that it does not handle.
if (onSigterm !== 'ignore') process.once('SIGTERM', () => void onSignal());
setInterval(obey, HEARTBEAT_MS);

say('start');
try {
  await lead();
} catch (error) {
  const { code, message } = error as LeaderElectionError;
  say('error', { code, message });
  if (!stop.signal.aborted) process.exit(1);
}
