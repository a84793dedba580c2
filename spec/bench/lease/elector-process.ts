import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import type { LeaseArena } from './arena.ts';
import type { Journal } from './journal.ts';
import type { Program } from './program.ts';

export const LEASE = 'lease';

export interface ElectorProcessOptions {
  readonly program: Program;
  readonly arena: LeaseArena;
  readonly journal: Journal;
  /** Its electors' identities are this and a number. */
  readonly name: string;
  readonly electors: number;
  /** Each elector has a Lease of its own. */
  readonly ownLeases?: boolean;
}

/** A process with electors. It ends with the one that started it. */
export class ElectorProcess {
  readonly name: string;
  readonly tokenId: string;
  readonly identities: readonly string[];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #isEnding = false;

  private constructor(
    { name, electors, program, journal }: ElectorProcessOptions,
    tokenId: string,
    child: ChildProcess,
  ) {
    this.name = name;
    this.tokenId = tokenId;
    this.identities = Array.from({ length: electors }, (_, number) => `${name}-${number}`);
    this.#child = child;
    this.#exited = once(child, 'exit');
    child.once('exit', (code, signal) => {
      if (this.#isEnding) return;
      journal.fail(new Error(`${name} of ${program.name} has ended (${signal ?? code})`));
    });
  }

  static async start(options: ElectorProcessOptions): Promise<ElectorProcess> {
    const { program, arena, journal, name, electors, ownLeases = false } = options;
    const { kubeconfig, tokenId } = await arena.credential();
    const flags = {
      kubeconfig,
      namespace: arena.namespace,
      lease: LEASE,
      identity: name,
      electors: `${electors}`,
    };
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    if (ownLeases) args.push('--own-leases');
    const child = spawn(program.file, [...program.args, ...args], {
      cwd: program.cwd,
      // Nothing that would change how it runs.
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    journal.follow(child.stdout);
    return new ElectorProcess(options, tokenId, child);
  }

  get pid(): number {
    return this.#child.pid ?? NaN;
  }

  get isAlive(): boolean {
    return !this.#isEnding;
  }

  /** Resolves when it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isEnding = true;
    this.#child.kill(signal);
    await this.#exited;
  }
}
