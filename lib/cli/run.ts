import { type Invocation, Exit, defineCommand } from './command.ts';
import { CONTEXT_OPTIONS } from './context.ts';
import { ELECTION_EXIT_CODES, LEADERSHIP_LOST, TIMEOUT } from './exit-codes.ts';
import { HEALTH_OPTIONS, healthOf } from './health.ts';
import { type LeaseTimes, leaseTerm } from './lease-term.ts';
import { lifeTerm } from './life-term.ts';
import { UsageError } from './option.ts';
import { POD_OPTIONS, podOptionsOf } from './pod-options.ts';
import { Signals } from './signals.ts';
import { Supervisor } from './supervise.ts';

const LEASE_OPTIONS = {
  'lease-duration': {
    type: 'duration',
    placeholder: 'DURATION',
    help: 'Lease: how long others wait after the last renewal (default 15s)',
  },
  'renew-deadline': {
    type: 'duration',
    placeholder: 'DURATION',
    help: 'Lease: how long a renewal proves leadership (default 10s)',
  },
  'retry-period': {
    type: 'duration',
    placeholder: 'DURATION',
    help: 'Lease: time between renewals (default 2s)',
  },
  identity: {
    type: 'text',
    placeholder: 'ID',
    help: "Lease: identity of this candidate, unique (default the Pod's name and a UUID)",
  },
  grace: {
    type: 'duration',
    placeholder: 'DURATION',
    help:
      'Lease: time from SIGTERM to SIGKILL when leadership is lost; at most, and by default, half of ' +
      'lease duration - renew deadline',
  },
} as const;

const OPTIONS = {
  lease: { type: 'flag', help: 'Lead by the Lease NAME, instead of for life' },
  guard: { type: 'flag', help: 'For life: kill the command if the lock is taken away' },
  restart: {
    type: 'flag',
    help: 'When leadership is lost or handed over, wait for the next turn instead of ending',
  },
  timeout: TIMEOUT,
  ...LEASE_OPTIONS,
  ...HEALTH_OPTIONS,
  ...POD_OPTIONS,
  events: { type: 'flag', help: 'Record a Kubernetes Event for each change of leader' },
  ...CONTEXT_OPTIONS,
} as const;

export const run = defineCommand({
  name: 'run',
  synopsis: 'run [--lease] [options] NAME -- COMMAND [ARG…]',
  summary: 'Wait for leadership, and run a command while it lasts',
  description: [
    'Waits until this process leads, by the lock NAME, and then runs the command in a session of its ' +
      'own. When the command ends, what it has left behind is killed, the lock is released, and run ' +
      'exits. The lock is a ConfigMap that this Pod owns (for life; needs POD_NAME, POD_UID and ' +
      'POD_NAMESPACE) or, with --lease, a Lease.',
    'Signals are passed on to the command and its children. So on SIGTERM run waits for the command, ' +
      'releases the lock, and exits. The grace period of the Pod limits that, and nothing else.',
    'If leadership is lost, the command gets SIGTERM and, after --grace, SIGKILL: in time for nothing of ' +
      'it to run when another process may lead. With --guard it gets SIGKILL at once. If this process is ' +
      'asked to step down, which a leader for life hears with --guard only, the command gets SIGTERM.',
    'The --health options ask before the command runs, too: whether this Pod could do the work, not ' +
      'whether the command does. After three failures in a row, the command gets SIGTERM, as if asked ' +
      'to step down, and another process may lead.',
    'The command gets LEADER_NAME, LEADER_NAMESPACE, LEADER_IDENTITY, LEADER_MODE (life or lease), ' +
      'LEADER_FENCING_TOKEN and LEADER_SINCE.',
    "Exit codes: the command's own; 128 + n if signal n ended it; 75 leadership was lost or handed over; 124 --timeout " +
      'ran out; 125 run failed; 126 the command is not executable; 127 there is no such command; ' +
      '143 SIGTERM while waiting (128 + n for other signals).',
  ],
  names: { min: 1, max: 1 },
  takesCommand: true,
  exitCodes: ELECTION_EXIT_CODES,
  options: OPTIONS,
  async run(invocation) {
    const { names, values, command, context } = invocation;
    const [name = ''] = names;
    const times = values.lease ? leaseTimes(values) : undefined;
    if (!times) refuseLeaseOptions(values);
    else if (values.guard)
      throw new UsageError('--guard is for leading for life: leave out --lease.');
    const [healthy, marks] = [healthOf(values), podOptionsOf(values)];
    const signals = new Signals();
    const warn = (message: string) => context.say(message, 'warn');
    const supervisor = new Supervisor(command, context.variables, signals, warn);
    const place = await context.place();
    const { timeout: timeoutMs, events, guard, identity } = values;
    const settings = {
      ...{ ...place, ...marks, healthy, timeoutMs, events },
      onEvent: context.onEvent,
      signal: signals.stop,
    };
    for (;;) {
      const outcome = times
        ? await leaseTerm(name, supervisor, times, { ...settings, identity })
        : await lifeTerm(name, supervisor, { ...settings, guard }, warn);
      if (outcome !== 'lost') return outcome;
      if (!values.restart || signals.wasAsked) throw new Exit(LEADERSHIP_LOST);
    }
  },
});

type RunValues = Invocation<typeof OPTIONS>['values'];

/** The times of a Lease, with the library's defaults, which `--grace` follows. */
function leaseTimes(values: RunValues): LeaseTimes {
  const {
    'lease-duration': leaseDurationMs = 15_000,
    'renew-deadline': renewDeadlineMs = 10_000,
    'retry-period': retryPeriodMs = 2_000,
  } = values;
  // The other half is for clocks that run at different rates, and for killing.
  const mostMs = Math.max((leaseDurationMs - renewDeadlineMs) / 2, 0);
  const { grace: graceMs = mostMs } = values;
  if (graceMs > mostMs) {
    throw new UsageError(
      `--grace must be at most ${mostMs}ms, half of --lease-duration less --renew-deadline, but is ` +
        `${graceMs}ms. Another may lead when the lease duration is over.`,
    );
  }
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs, graceMs };
}

function refuseLeaseOptions(values: RunValues): void {
  const given = (Object.keys(LEASE_OPTIONS) as (keyof typeof LEASE_OPTIONS)[]).find(
    (name) => values[name] !== undefined,
  );
  if (given !== undefined) throw new UsageError(`--${given} is an option of leases: add --lease.`);
}
