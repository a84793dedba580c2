import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { goProgram } from '../cluster/go.ts';
import { nowMs } from '../scenarios/journal.ts';
import type { Entry, Journal, Kind } from './journal.ts';
import type { WallClock } from './wall-clock.ts';

/** The Lease, and how to get there. */
export interface Where {
  /** The path of a kubeconfig. */
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly lease: string;
}

export interface Durations {
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

export interface CandidateOptions {
  readonly kind: Kind;
  readonly identity: string;
  readonly where: Where;
  readonly durations: Durations;
  /** @default true */
  readonly releaseOnCancel?: boolean;
  readonly events?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of this library: `lead`, a `LeaderElector`, or what `script` has besides. @default 'lead' */
  readonly form?: string;
  /** Of this library: another program with the same flags. @default candidate.ts */
  readonly script?: string;
  /** Flags that only this program has. */
  readonly more?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Of client-go. @default its own: protobuf */
  readonly contentType?: string;
  /** What it takes for the time of day. @default the machine's */
  readonly wallClock?: WallClock;
}

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How much of what it wrote to stderr is told when it is gone. */
const LAST_WORDS = 4_000;

/** A candidate that runs as a process of this machine, and what it says. */
export class CandidateProcess {
  readonly kind: Kind;
  readonly identity: string;
  readonly #process: ChildProcess;
  readonly #journal: Journal;
  readonly #gone: Promise<unknown>;

  private constructor(options: CandidateOptions, child: ChildProcess, journal: Journal) {
    this.kind = options.kind;
    this.identity = options.identity;
    this.#process = child;
    this.#journal = journal;
    this.#gone = this.#listen();
  }

  /** Resolves once it runs. */
  static async start(options: CandidateOptions, journal: Journal): Promise<CandidateProcess> {
    const { file, args, env } = await programs[options.kind](options);
    const { mark } = journal;
    const beganMs = nowMs();
    const child = spawn(file, [...args, ...flags(options)], {
      env: {
        PATH: process.env['PATH'],
        DEBUG: process.env['DEBUG'],
        ...options.environment,
        ...env,
      },
      // For whoever looks into a failed test.
      stdio: ['ignore', 'pipe', process.env['DEBUG'] === undefined ? 'pipe' : 'inherit'],
    });
    await once(child, 'spawn');
    const candidate = new CandidateProcess(options, child, journal);
    const { atMs } = await candidate.said('start', mark);
    if (atMs < beganMs || atMs > nowMs()) {
      throw new Error(`${options.identity} has another monotonic clock than this process`);
    }
    return candidate;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isGone(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Resolves with what it says next of that kind. */
  said(event: Entry['event'], mark = this.#journal.mark): Promise<Entry> {
    const fits = (entry: Entry) => entry.identity === this.identity && entry.event === event;
    return this.#journal.next(`${this.identity} says ${event}`, fits, mark);
  }

  signal(signal: NodeJS.Signals): void {
    this.#add({ event: 'signal', signal });
    this.#process.kill(signal);
  }

  /** Resolves once it is gone and all that it said was read. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isGone) this.signal(signal);
    await this.#gone;
  }

  async #listen(): Promise<void> {
    const { stdout } = this.#process;
    const closed = once(this.#process, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    if (!stdout) throw new Error('its output is not piped');
    let lastWords = '';
    this.#process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      lastWords = `${lastWords}${chunk}`.slice(-LAST_WORDS);
    });
    createInterface({ input: stdout }).on('line', (line) => {
      this.#journal.add({ ...(JSON.parse(line) as Entry), kind: this.kind });
    });
    const [code, signal] = await closed;
    this.#add({ event: 'gone', code, signal, message: lastWords.trim() });
  }

  #add(entry: Pick<Entry, 'event' | 'signal' | 'code' | 'message'>): void {
    const { kind, identity, pid } = this;
    this.#journal.add({ ...entry, kind, identity, pid, atMs: nowMs() });
  }
}

const programs: Readonly<Record<Kind, (options: CandidateOptions) => Promise<Program>>> = {
  'client-go': async ({ contentType, wallClock }) => ({
    file: (await goProgram(join(import.meta.dirname, 'client-go'))).path,
    args: [
      ...(contentType === undefined ? [] : [`--content-type=${contentType}`]),
      ...(wallClock ? [`--wall-offset-ms=${wallClock.offsetMs}`] : []),
    ],
    env: {},
  }),
  'leader-for-life': ({ form = 'lead', script, more = [], wallClock }) =>
    Promise.resolve({
      file: process.execPath,
      args: [script ?? join(import.meta.dirname, 'candidate.ts'), `--form=${form}`, ...more],
      env: wallClock?.environment ?? {},
    }),
};

/** Both programs have these. */
function flags(options: CandidateOptions): string[] {
  const { identity, where, durations, releaseOnCancel = true, events, labels = {} } = options;
  return [
    `--kubeconfig=${where.kubeconfig}`,
    `--namespace=${where.namespace}`,
    `--lease=${where.lease}`,
    `--identity=${identity}`,
    `--lease-duration-ms=${durations.leaseDurationMs}`,
    `--renew-deadline-ms=${durations.renewDeadlineMs}`,
    `--retry-period-ms=${durations.retryPeriodMs}`,
    ...(releaseOnCancel ? ['--release-on-cancel'] : []),
    ...(events ? ['--events'] : []),
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
  ];
}
