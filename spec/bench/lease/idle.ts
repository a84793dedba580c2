import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster } from '../../cluster/state.ts';
import type { AuditedRequest } from '../audit-log.ts';
import { Crew } from './crew.ts';
import { ElectorProcess } from './elector-process.ts';
import type { Program } from './program.ts';
import { type Usage, usageOf } from './usage.ts';

const SIZE = { processes: 3, electors: 1 };

/** Afterwards a process has done what it does once. */
const SETTLING_MS = 15_000;

export const ROLES = ['leader', 'waiter', 'no elector'] as const;
export type Role = (typeof ROLES)[number];

/** What a process has asked for and used in a window of time. */
export interface Idling {
  readonly program: string;
  readonly role: Role;
  readonly windowMs: number;
  /** Requests before the window: how it starts. */
  readonly requestsBefore: number;
  readonly requests: number;
  readonly cpuMs: number;
  /** At the end of the window. */
  readonly residentBytes: number;
  readonly ownBytes: number;
}

interface Subject {
  readonly crew: Crew;
  readonly process: ElectorProcess;
  readonly role: Role;
  before: Usage | undefined;
}

/** Crews in which nothing happens, for as long as others are measured. */
export class IdleCrews {
  readonly #subjects: readonly Subject[];
  readonly #start: Promise<number>;

  private constructor(subjects: readonly Subject[]) {
    this.#subjects = subjects;
    this.#start = this.#begin();
    this.#start.catch(() => undefined);
  }

  /** Of each program one leads, two wait, and one more process has no elector at all. */
  static async gather(cluster: Cluster, programs: readonly Program[]): Promise<IdleCrews> {
    const subjects: Subject[] = [];
    for (const program of programs) {
      const crew = await Crew.gather(cluster, program, SIZE);
      const leader = await crew.settled();
      const { arena, journal } = crew;
      const idle = { program, arena, journal, name: 'idle', electors: 0 };
      subjects.push(
        ...crew.processes.map((process): Subject => {
          return {
            crew,
            process,
            role: process === leader ? 'leader' : 'waiter',
            before: undefined,
          };
        }),
        { crew, process: await ElectorProcess.start(idle), role: 'no elector', before: undefined },
      );
    }
    return new IdleCrews(subjects);
  }

  /** Ends the window once it is as long as that, and the processes, too. */
  async measure(leastMs: number, onProgress: (message: string) => void): Promise<Idling[]> {
    const start = await this.#start;
    const missingMs = start + leastMs - Date.now();
    if (missingMs > 0) {
      onProgress(`requests: ${Math.ceil(missingMs / 1_000)} s more`);
      await sleep(missingMs);
    }
    const end = Date.now();
    const all = this.#subjects.map(({ crew, process, role, before }): Idling => {
      const after = usageOf(process.pid);
      return {
        program: crew.program.name,
        role,
        windowMs: end - start,
        ...countRequests(crew.arena.requests(), process.tokenId, start, end),
        cpuMs: after.cpuMs - (before?.cpuMs ?? NaN),
        residentBytes: after.residentBytes,
        ownBytes: after.ownBytes,
      };
    });
    await this.#checkLeaders();
    await Promise.all(this.#subjects.map(({ process }) => process.end('SIGKILL')));
    return all;
  }

  /** Resolves with when the window begins. */
  async #begin(): Promise<number> {
    await sleep(SETTLING_MS);
    for (const subject of this.#subjects) subject.before = usageOf(subject.process.pid);
    return Date.now();
  }

  async #checkLeaders(): Promise<void> {
    for (const { crew, process, role } of this.#subjects) {
      if (role !== 'leader' || (await crew.settled()) === process) continue;
      throw new Error(`${crew.program.name} had another leader while nothing happened`);
    }
  }
}

/** The requests that bear this token, each counted when it came in. */
export function countRequests(
  requests: readonly AuditedRequest[],
  token: string,
  start: number,
  end: number,
): Pick<Idling, 'requests' | 'requestsBefore'> {
  const times = requests
    .filter(({ tokenId }) => tokenId === token)
    .map(({ receivedTime }) => receivedTime);
  return {
    requestsBefore: times.filter((time) => time < start).length,
    requests: times.filter((time) => time >= start && time <= end).length,
  };
}
