import { TextRegistry, collectElections } from '../../telemetry/prometheus.ts';
import { Exit, defineCommand } from '../command.ts';
import { CONTEXT_OPTIONS } from '../context.ts';
import { HEALTH_OPTIONS, healthOf } from '../health.ts';
import { UsageError } from '../option.ts';
import { POD_OPTIONS, podOptionsOf } from '../pod-options.ts';
import { untilAsked } from '../stop.ts';
import { runHook } from './hooks.ts';
import { Participation } from './participation.ts';
import { LeaderServer, addressOf } from './server.ts';

const GRACE_MS = 5_000;

export const serve = defineCommand({
  name: 'serve',
  synopsis: 'serve [options] NAME',
  summary: 'Take part in an election, and tell other programs over HTTP who leads: a sidecar',
  description: [
    'Takes part in the election NAME for as long as it runs, for a ConfigMap that its Pod owns or, with ' +
      '--lease, for a Lease. Answers GET / (who leads, as JSON), /sse (the same on each change), ' +
      '/leader (200 if this Pod leads, else 503), /livez, /readyz, /metrics, and POST /step-down. ' +
      'docs/sidecar.md describes them.',
    'On SIGTERM it says at once that it does not lead. It gives the lock up only with --release: ' +
      'without it, the lock is free when the Pod is gone, or the Lease has expired, because the ' +
      'program beside it may still run.',
    "The flags of contrib's leader-elector do what they do there: --election NAME takes a Lease.",
    'Exit codes: 0 a signal has ended it; 1 the election has failed; 2 bad usage.',
  ],
  names: { min: 0, max: 1 },
  options: {
    lease: { type: 'flag', help: 'Elect by a Lease, not for life' },
    http: {
      type: 'text',
      placeholder: 'HOST:PORT',
      default: '127.0.0.1:4040',
      help: 'Where to listen; :PORT listens on all addresses',
    },
    release: {
      type: 'flag',
      help: 'Give the lock up on SIGTERM: only if the program has stopped by then, as beside a native sidecar',
    },
    grace: {
      type: 'duration',
      placeholder: 'DURATION',
      help:
        'How long the program may take to notice that it no longer leads, before the lock is given up ' +
        '(default 5s; for a Lease at most a third of --ttl)',
    },
    'on-leading': {
      type: 'text',
      placeholder: 'COMMAND',
      help: 'Shell command to run when this Pod begins to lead; it gets LEADER_NAME and so on. Ended if it still runs when leadership ends',
    },
    'on-lost': {
      type: 'text',
      placeholder: 'COMMAND',
      help: 'Shell command to run when it leads no longer; the lock is given up when it has ended',
    },
    ...HEALTH_OPTIONS,
    ...POD_OPTIONS,
    election: { type: 'text', placeholder: 'NAME', help: "contrib's flag for --lease NAME" },
    'election-namespace': {
      type: 'text',
      placeholder: 'NAMESPACE',
      help: "contrib's flag for --namespace",
    },
    id: {
      type: 'text',
      placeholder: 'ID',
      help: "Identity in the Lease; by default the Pod's name and a UUID. Must be unique at all times",
    },
    ttl: {
      type: 'duration',
      placeholder: 'DURATION',
      help: 'Duration of the Lease, in whole seconds (default 15s)',
    },
    'use-cluster-credentials': {
      type: 'flag',
      help: "contrib's flag, without effect: in a Pod they are used anyway",
    },
    ...CONTEXT_OPTIONS,
  },
  async run({ names, values, context }) {
    const { http, release, id, election, ttl } = values;
    const name = nameOf(names[0], election);
    const mode = values.lease || election !== undefined ? 'lease' : 'life';
    if (mode === 'life' && (id !== undefined || ttl !== undefined)) {
      throw new UsageError('--id and --ttl are for Leases: add --lease.');
    }
    const durations = durationsOf(ttl);
    const graceMs = mode === 'life' ? (values.grace ?? GRACE_MS) : graceOf(values.grace, durations);
    const address = addressOf(http);
    const healthy = healthOf(values);
    const marks = podOptionsOf(values);
    const given = await context.place();
    const contrib = values['election-namespace'];
    const place = contrib === undefined ? given : { ...given, namespace: contrib };

    // The end of this container proves nothing about the program beside it, so others must not take
    // the Lease at once when it ends.
    delete process.env['CONTAINER_NAME'];
    const signal = untilAsked();
    const { variables, say, onEvent } = context;
    const hook = (command: string | undefined) => (term: Parameters<typeof runHook>[1]) =>
      runHook(command, term, variables, say);
    const metrics = new TextRegistry();
    collectElections(metrics);
    const participation = new Participation({
      ...{ mode, name, identity: id, place, durations, marks, graceMs },
      ...{ releases: release, healthy, podName: variables['POD_NAME'], signal, say, onEvent },
      onChange: () => void server.changed().catch(() => undefined),
      onLeading: hook(values['on-leading']),
      onLost: hook(values['on-lost']),
    });
    const server = new LeaderServer(participation, metrics);
    const url = await server.listen(address).catch((error: unknown) => {
      throw new Exit(1, `Cannot listen on ${http}: ${(error as Error).message}`);
    });
    say(`listening on ${url}`);
    try {
      await participation.run();
      return 0;
    } finally {
      await server.close();
    }
  },
});

function nameOf(name: string | undefined, election: string | undefined): string {
  if (name !== undefined && election !== undefined) {
    throw new UsageError('--election and NAME say the same: leave one out.');
  }
  const given = name ?? election;
  if (given === undefined) throw new UsageError('A name is missing.');
  return given;
}

/** In the proportions of the defaults, 15 : 10 : 2. */
function durationsOf(ttl = 15_000) {
  if (ttl < 1_000 || ttl % 1_000 !== 0) {
    throw new UsageError('--ttl must be a whole number of seconds, at least 1s.');
  }
  const renewDeadlineMs = Math.floor((ttl * 2) / 3);
  return { leaseDurationMs: ttl, renewDeadlineMs, retryPeriodMs: Math.floor((ttl * 2) / 15) };
}

/** A term that has not ended by the renew deadline is given up: its Lease is not released. */
function graceOf(
  given: number | undefined,
  { leaseDurationMs, renewDeadlineMs }: ReturnType<typeof durationsOf>,
): number {
  const graceMs = given ?? Math.min(GRACE_MS, leaseDurationMs - renewDeadlineMs);
  if (graceMs < renewDeadlineMs) return graceMs;
  throw new UsageError(
    `--grace must be less than ${renewDeadlineMs}ms, two thirds of --ttl, but is ${graceMs}ms. ` +
      'A Lease that is given up later cannot be released, and others lead when it has expired.',
  );
}
