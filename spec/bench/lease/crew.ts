import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import ts from 'typescript';

import { goProgram } from '../../cluster/go.ts';
import { root } from '../../public/entry-points.ts';
import { Arena, type Target } from '../arena.ts';
import type { AuditedRequest } from '../audit-log.ts';
import { perBench } from '../situation.ts';
import { type Takeover, takeoversOf } from '../takeovers.ts';
import { until } from '../until.ts';

/** The name of the Lease, or what the names of all begin with. */
const LEASE = 'lease';

/** How many processes start at the same time; more would only be in each other's way. */
const BATCH = 4;

/** The longest pause between two looks of client-go: 2 s, and up to 120 % more. */
const LONGEST_POLL_MS = 4_400;

/** How long after a crash its process is replaced: at once would keep the machine busy. */
const REPLACEMENT_MS = 3_000;

/** A program that runs electors. */
export interface Program {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
}

/** A program without its types: Node.js would need time and memory to strip them. */
export function transpiled(path: string): string {
  return ts.transpileModule(readFileSync(path, 'utf8'), {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  }).outputText;
}

/** This library, as built. */
export function ourProgram(): Program {
  const program = transpiled(join(import.meta.dirname, 'electors.ts'));
  const args = ['--input-type=module', '--eval', program, '--'];
  return { name: 'leader-for-life', file: process.execPath, args };
}

/** Ours first. */
export const programs = perBench(async (): Promise<readonly Program[]> => {
  const { path } = await goProgram(join(import.meta.dirname, '../../lab/client-go'), 'electors');
  return [ourProgram(), { name: 'client-go', file: path, args: [] }];
});

/** A line of what electors say. */
export interface Entry {
  readonly event: 'start' | 'new-leader' | 'leading' | 'stopped' | 'sigterm' | 'exit';
  /** The machine's monotonic clock, which its processes share. */
  readonly atMs: number;
  /** The elector's; missing where it is the process that speaks. */
  readonly identity?: string;
  readonly leader?: string;
}

/** How a leader's process goes: it releases the Lease, or cannot. */
export type Signal = 'SIGTERM' | 'SIGKILL';

/** A process with electors. It ends with the one that started it. */
export interface ElectorProcess {
  readonly pid: number;
  readonly tokenId: string;
  /** Of its electors. */
  readonly identities: readonly string[];
  /** Resolves when it is gone, and all that it said has been read. */
  readonly end: (signal: Signal) => Promise<void>;
}

/** Processes whose electors compete for one Lease, or have one each. */
export class Crew {
  readonly name: string;
  /** How long no elector worked, for each leader that went. */
  readonly outageMs: number[] = [];
  readonly #program: Program;
  readonly #arena: Arena;
  readonly #electors: number;
  readonly #entries: Entry[] = [];
  readonly #processes = new Set<ElectorProcess>();
  #started = 0;
  #failure: Error | undefined;

  private constructor(program: Program, arena: Arena, electors: number) {
    this.name = program.name;
    this.#program = program;
    this.#arena = arena;
    this.#electors = electors;
  }

  /** Of no process yet; each will have that many electors. */
  static async open(target: Target, program: Program, electors = 1): Promise<Crew> {
    return new Crew(program, await Arena.open(target), electors);
  }

  /** Resolves when one leads and all know it. */
  static async gather(
    target: Target,
    program: Program,
    { processes = 3, electors = 1 } = {},
  ): Promise<Crew> {
    const crew = await Crew.open(target, program, electors);
    for (let missing = processes; missing > 0; missing -= BATCH) {
      await Promise.all(Array.from({ length: Math.min(missing, BATCH) }, () => crew.start()));
      await crew.settled();
    }
    return crew;
  }

  /** Those that live. */
  get processes(): readonly ElectorProcess[] {
    return [...this.#processes];
  }

  /** What all of them have said. Throws once one has ended by itself. */
  get entries(): readonly Entry[] {
    if (this.#failure) throw this.#failure;
    return this.#entries;
  }

  async start({ electors = this.#electors, ownLeases = false } = {}): Promise<ElectorProcess> {
    const { kubeconfig, tokenId } = await this.#arena.credential();
    this.#started += 1;
    const identity = `process${this.#started}`;
    const flags = { kubeconfig, namespace: this.#arena.namespace, lease: LEASE, identity };
    const args = Object.entries({ ...flags, electors }).map(([flag, is]) => `--${flag}=${is}`);
    if (ownLeases) args.push('--own-leases');
    const { file, args: first } = this.#program;
    const child = spawn(file, [...first, ...args], {
      // Where ours finds what it imports.
      cwd: root,
      // Nothing that would change how it runs.
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    const started: ElectorProcess = {
      pid: child.pid ?? NaN,
      tokenId,
      identities: Array.from({ length: electors }, (_, number) => `${identity}-${number}`),
      end: async (signal) => {
        this.#processes.delete(started);
        child.kill(signal);
        await closed;
      },
    };
    this.#processes.add(started);
    createInterface(child.stdout).on('line', (line) => {
      this.#entries.push(JSON.parse(line) as Entry);
    });
    child.once('exit', (code, signal) => {
      if (!this.#processes.has(started)) return;
      this.#failure ??= new Error(`${identity} of ${this.name} has ended (${signal ?? code})`);
    });
    return started;
  }

  /** Resolves with the leader's process once all electors have seen who leads. */
  settled(): Promise<ElectorProcess> {
    return until(`all electors of ${this.name} know who leads`, () => {
      const leader = this.entries.findLast(({ event }) => event === 'leading')?.identity;
      const known = new Map(
        this.entries
          .filter(({ event }) => event === 'new-leader')
          .map(({ identity, leader: seen }) => [identity, seen]),
      );
      const all = this.processes.flatMap(({ identities }) => identities);
      if (leader === undefined || !all.every((one) => known.get(one) === leader)) return undefined;
      return this.processes.find(({ identities }) => identities.includes(leader));
    });
  }

  /** Ends the leader's process that way; resolves when another elector leads. */
  async succeed(signal: Signal): Promise<void> {
    const old = await this.settled();
    const before = this.entries.length;
    const find = (event: Entry['event'], isOld: boolean) => {
      const later = this.entries.slice(before).filter((entry) => entry.event === event);
      return later.find(({ identity = '' }) => old.identities.includes(identity) === isOld);
    };
    const signalMs = Number(process.hrtime.bigint()) / 1e6;
    const ended = old.end(signal);
    const what = `an elector of ${this.name} leads in another process`;
    const leading = await until(what, () => find('leading', false));
    await ended;
    const fromMs = signal === 'SIGKILL' ? signalMs : find('stopped', true)?.atMs;
    if (fromMs !== undefined) this.outageMs.push(leading.atMs - fromMs);
  }

  /**
   * Kills the leader's process, and has another in its place well before the Lease expires, but not
   * while the others hear of the last renewal.
   */
  async crash(): Promise<void> {
    const replaced = sleep(REPLACEMENT_MS).then(() => this.start());
    await Promise.all([this.succeed('SIGKILL'), replaced]);
  }

  /** What its electors have asked of the API server. */
  requests(): readonly AuditedRequest[] {
    return this.#arena.log.read().filter(({ resource }) => resource === 'leases');
  }

  takeovers(): Takeover[] {
    return takeoversOf(this.requests(), LEASE);
  }

  async end(signal: Signal = 'SIGKILL'): Promise<void> {
    await Promise.all(this.processes.map((process) => process.end(signal)));
  }
}

/**
 * Resolves at a random moment after all electors of all crews are ready: an elector that looks from
 * time to time must not have looked just before, nor be about to.
 */
export async function anyTime(crews: readonly Crew[]): Promise<void> {
  await Promise.all(crews.map((crew) => crew.settled()));
  await sleep(LONGEST_POLL_MS * Math.random());
}
