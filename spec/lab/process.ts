import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { goProgram } from '../cluster/go.ts';
import type { Entry, Feed, Kind } from './journal.ts';
import { nowMs } from './say.ts';
import type { WallClock } from './wall-clock.ts';

/** The lock, and how to get there. */
export interface Where {
  /** The path of a kubeconfig. */
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly lock: string;
}

/** What client-go's program and ours can both be told. */
export interface CommonOptions {
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
  readonly releaseOnCancel?: boolean;
  readonly events?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface CandidateOptions {
  readonly kind: Kind;
  readonly name: string;
  readonly where: Where;
  readonly options: CommonOptions & Readonly<Record<string, unknown>>;
  /** Of this library: one of those in candidate.ts. @default 'lead' */
  readonly form?: string;
  readonly podUid?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly heartbeatMs?: number;
  /** Of client-go. @default its own: protobuf */
  readonly contentType?: string;
  /** What it takes for the time of day. @default the machine's */
  readonly wallClock?: WallClock;
}

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const CANDIDATE = join(import.meta.dirname, 'candidate.ts');
const CLIENT_GO = join(import.meta.dirname, 'client-go');
/** How much of what it wrote to stderr is told when it is gone. */
const LAST_WORDS = 4_000;

/** A candidate that runs as a process of this machine. */
export class CandidateProcess {
  readonly kind: Kind;
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #who: Pick<Entry, 'kind' | 'pod' | 'uid' | 'run'>;
  readonly #journal: Feed<Entry>;
  readonly #gone: Promise<unknown>;

  private constructor({ kind, name }: CandidateOptions, child: ChildProcess, journal: Feed<Entry>) {
    this.kind = kind;
    this.name = name;
    this.#process = child;
    this.#journal = journal;
    this.#who = { kind, pod: name, uid: name, run: `${name}.${child.pid ?? ''}` };
    this.#gone = this.#listen();
  }

  /** Resolves once it runs. */
  static async start(options: CandidateOptions, journal: Feed<Entry>): Promise<CandidateProcess> {
    const { file, args, env } = await programs[options.kind](options);
    const { mark } = journal;
    const beganMs = nowMs();
    const child = spawn(file, args, {
      env: {
        PATH: process.env['PATH'],
        DEBUG: process.env['DEBUG'],
        ...options.environment,
        ...env,
      },
      // For those who look into a failed test.
      stdio: ['ignore', 'pipe', process.env['DEBUG'] === undefined ? 'pipe' : 'inherit'],
    });
    await once(child, 'spawn');
    const candidate = new CandidateProcess(options, child, journal);
    const { atMs } = await candidate.said('start', mark);
    if (atMs < beganMs || atMs > nowMs()) {
      throw new Error(`${options.name} has another monotonic clock than this process`);
    }
    return candidate;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isGone(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Resolves with what it says next of that kind; rejects if it ends instead. */
  async said(event: Entry['event'], mark = this.#journal.mark): Promise<Entry> {
    const what = `${this.name} says ${event}`;
    const fits = (entry: Entry) =>
      entry.run === this.#who.run && [event, 'gone'].includes(entry.event);
    const entry = await this.#journal.next(what, fits, mark);
    if (entry.event === event) return entry;
    throw new Error(`this did not happen: ${what}\n${entry.message ?? ''}`);
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
      this.#journal.add({ ...(JSON.parse(line) as Entry), ...this.#who });
    });
    const [code, signal] = await closed;
    this.#add({ event: 'gone', code, signal, message: lastWords.trim() });
  }

  #add(entry: Pick<Entry, 'event' | 'signal' | 'code' | 'message'>): void {
    this.#journal.add({ ...entry, ...this.#who, atMs: nowMs() });
  }
}

const programs: Readonly<Record<Kind, (options: CandidateOptions) => Promise<Program>>> = {
  'client-go': async ({ contentType, wallClock, name, where, options }) => {
    const { releaseOnCancel = false, events = false, labels = {}, ...durations } = options;
    const flags = {
      kubeconfig: where.kubeconfig,
      namespace: where.namespace,
      lease: where.lock,
      identity: name,
      'lease-duration-ms': durations.leaseDurationMs,
      'renew-deadline-ms': durations.renewDeadlineMs,
      'retry-period-ms': durations.retryPeriodMs,
      'release-on-cancel': releaseOnCancel,
      events,
      'content-type': contentType ?? '',
      'wall-offset-ms': wallClock?.offsetMs ?? 0,
    };
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value ?? ''}`);
    const marks = Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`);
    return { file: (await goProgram(CLIENT_GO, 'candidate')).path, args: [...args, ...marks] };
  },
  'leader-for-life': (candidate) => {
    const { name, where, options, form = 'lead', podUid, heartbeatMs = 20, wallClock } = candidate;
    const env = {
      KUBECONFIG: where.kubeconfig,
      POD_NAMESPACE: where.namespace,
      POD_NAME: name,
      ...(podUid !== undefined && { POD_UID: podUid }),
      LOCK: where.lock,
      FORM: form,
      OPTIONS: JSON.stringify(options),
      ON_SIGTERM: 'release',
      HEARTBEAT_MS: `${heartbeatMs}`,
      ...wallClock?.environment,
    };
    return Promise.resolve({ file: process.execPath, args: [CANDIDATE], env });
  },
};
