import { setTimeout as sleep } from 'node:timers/promises';

import { type LeaseDay, type Tally, costliestLaterHour, simulateLeaseDay, tally } from './day.ts';
import { gather } from './handover.ts';
import type { Crew, ElectorProcess } from './lease/crew.ts';
import { Fleet, OURS, operatorLib } from './life/fleet.ts';
import { type Goal, atLeast, atMost, maximum, median, megabytes, times } from './report.ts';
import { type Bench, type Situation, Window, perBench } from './situation.ts';
import { requestsAround } from './takeovers.ts';
import { type Usage, usageOf } from './usage.ts';

const HOUR_MS = 3_600_000;

/** After this long, a candidate has done what it does once, and backs off no further. */
const POD_SETTLING_MS = 60_000;
const PROCESS_SETTLING_MS = 15_000;

/** What the waiting candidates of one fleet asked of the API server. */
interface Waiting {
  readonly program: string;
  readonly windowMs: number;
  /** For each candidate, how many requests it made before the window: how it starts. */
  readonly before: readonly number[];
  /** For each candidate, how many in the window. */
  readonly within: readonly number[];
  /** Those in the window by kind, all candidates together. */
  readonly kinds: Tally;
}

const idleFleets = perBench(async (bench) => {
  const fleets = [];
  for (const program of [OURS, await operatorLib(bench)]) {
    const fleet = await Fleet.deploy(bench.cluster, program);
    fleets.push({ fleet, podUids: (await fleet.settled()).waiting });
  }
  return { fleets, window: new Window(Date.now() + POD_SETTLING_MS) };
});

/** Deployments of three Pods in which nothing happens. */
export const podRequests: Situation<
  Bench,
  { readonly fleets: readonly Waiting[]; readonly simulatedHour: number }
> = {
  begin: idleFleets,

  async measure(bench) {
    const { fleets, window } = await idleFleets(bench);
    await window.end(bench);
    const all = fleets.map(({ fleet, podUids }): Waiting => {
      const requests = fleet.requests();
      const candidates = podUids.map((uid) =>
        requestsAround(requests, window, ({ podUid }) => podUid === uid),
      );
      return {
        program: fleet.name,
        windowMs: window.lengthMs,
        before: candidates.map(({ before }) => before.length),
        within: candidates.map(({ within }) => within.length),
        kinds: tally(candidates.flatMap(({ within }) => within)),
      };
    });
    await Promise.all(fleets.map(({ fleet }) => fleet.close()));
    return { fleets: all, simulatedHour: await costliestLaterHour() };
  },

  report: ({ fleets, simulatedHour }) => ({
    title: 'Requests of a waiting candidate, by the API server’s audit log',
    notes: [
      'Extrapolated to an hour. What happens more seldom may be missed: hence the simulation.',
    ],
    table: [
      ['', 'first minute', `counted in ${minutesOf(fleets)} minutes`, 'per hour'],
      ...fleets.map(({ program, before, within, windowMs }) => [
        program,
        `${median(before)}`,
        within.join(', '),
        perHour(within, windowMs).toFixed(1),
      ]),
      ['leader-for-life, simulated: its costliest later hour', '', '', `${simulatedHour}`],
    ],
    goals: podGoals(fleets, simulatedHour),
  }),
};

/** The larger figure of ours counts: the one that was measured, or the simulated one. */
function podGoals(fleets: readonly Waiting[], simulated: number): Goal[] {
  const [ours = NaN, other = NaN] = fleets.map((one) => perHour(one.within, one.windowMs));
  const fewer = other / Math.max(ours, simulated);
  return atLeast('requests of a waiting candidate, fewer than operator-lib', fewer, 20, times);
}

const ROLES = ['leader', 'waiter', 'no elector'] as const;
type Role = (typeof ROLES)[number];

/** Requests of ours in an hour. */
const AIMS = { leader: 1_800, waiter: 30, 'no elector': undefined };

/** What a process has asked for and used in a window of time. */
export interface Idling extends Usage {
  readonly program: string;
  readonly role: Role;
  readonly windowMs: number;
  /** Requests before the window: how it starts. */
  readonly requestsBefore: number;
  readonly requests: number;
}

/** Of each program one leads, two wait, and one more process has no elector at all. */
const idleProcesses = perBench(async (bench) => {
  const crews = await gather(bench);
  const subjects: { crew: Crew; process: ElectorProcess; role: Role }[] = [];
  for (const crew of crews) {
    const leader = await crew.settled();
    for (const process of [...crew.processes, await crew.start({ electors: 0 })]) {
      const waiting = process.identities.length > 0 ? 'waiter' : 'no elector';
      const role: Role = process === leader ? 'leader' : waiting;
      subjects.push({ crew, process, role });
    }
  }
  const began = sleep(PROCESS_SETTLING_MS).then(() => ({
    usages: subjects.map(({ process }) => usageOf(process.pid)),
    window: new Window(Date.now()),
  }));
  began.catch(() => undefined);
  return { subjects, began };
});

const idling = perBench(async (bench): Promise<readonly Idling[]> => {
  const { subjects, began } = await idleProcesses(bench);
  const { usages, window } = await began;
  await window.end(bench);
  const all = subjects.map(({ crew, process, role }, index): Idling => {
    const { cpuMs, ...memory } = usageOf(process.pid);
    const isOwn = ({ tokenId }: { tokenId: string | undefined }) => tokenId === process.tokenId;
    const { before, within } = requestsAround(crew.requests(), window, isOwn);
    return {
      ...{ program: crew.name, role, windowMs: window.lengthMs },
      ...{ requestsBefore: before.length, requests: within.length },
      ...{ cpuMs: cpuMs - (usages[index]?.cpuMs ?? NaN), ...memory },
    };
  });
  for (const { crew, process, role } of subjects) {
    if (role === 'leader' && (await crew.settled()) !== process) {
      throw new Error(`${crew.name} had another leader while nothing happened`);
    }
  }
  await Promise.all(subjects.map(({ process }) => process.end('SIGKILL')));
  return all;
});

/** What electors ask of the API server while nothing happens. */
export const leaseRequests: Situation<
  Bench,
  { readonly processes: readonly Idling[]; readonly day: LeaseDay }
> = {
  begin: idleProcesses,

  async measure(bench) {
    return { processes: await idling(bench), day: await simulateLeaseDay() };
  },

  report: ({ processes, day }) => ({
    title: 'Requests while nothing happens, by the API server’s audit log',
    notes: [
      `Counted for ${minutesOf(processes)} minutes and extrapolated to an hour; the start is apart.`,
      'What happens more seldom may be missed: simulated is the costliest hour of a day.',
    ],
    table: [
      ['', 'role', 'processes', 'at the start', 'counted', 'per hour'],
      ...groupsOf(processes, ['leader', 'waiter']).map(({ program, role, members, windowMs }) => [
        program,
        role,
        `${members.length}`,
        `${median(members.map(({ requestsBefore }) => requestsBefore))}`,
        requestsOf(members).join(', '),
        perHour(requestsOf(members), windowMs).toFixed(0),
      ]),
      ['leader-for-life, simulated', 'leader', '', '', '', `${maximum(day.leading)}`],
      ['leader-for-life, simulated', 'waiter', '', '', '', `${maximum(day.waiting)}`],
    ],
    goals: leaseGoals(processes, day),
  }),
};

/** What electors cost the machine that they run on. */
export const footprint: Situation<Bench, readonly Idling[]> = {
  begin: idleProcesses,
  measure: idling,

  report: (all) => ({
    title: 'CPU and memory of a process with one elector',
    notes: [
      `CPU: of ${minutesOf(all)} minutes, extrapolated to an hour. Resident: all that is in memory;`,
      'own: what is shared with no other process. Without an elector: a process that has loaded the',
      'library and its Kubernetes client, and does nothing.',
    ],
    table: [
      ['', 'role', 'CPU per hour', 'of one core', 'resident', 'own'],
      ...groupsOf(all, ROLES).map(({ program, role, members, windowMs }) => {
        const middle = (key: keyof Usage) => median(members.map((member) => member[key]));
        const share = middle('cpuMs') / windowMs;
        return [
          program,
          role,
          `${((share * HOUR_MS) / 1_000).toFixed(1)} s`,
          `${(share * 100).toFixed(2)} %`,
          megabytes(middle('residentBytes')),
          megabytes(middle('ownBytes')),
        ];
      }),
    ],
  }),
};

/** As in `podGoals`. */
function leaseGoals(all: readonly Idling[], day: LeaseDay): Goal[] {
  const known = { leader: maximum(day.leading), waiter: maximum(day.waiting), 'no elector': NaN };
  return groupsOf(all, ['leader', 'waiter'])
    .filter(({ program }) => program === OURS.name)
    .flatMap(({ role, members, windowMs }) => {
      const most = Math.max(perHour(requestsOf(members), windowMs), known[role]);
      return atMost(`requests of a ${role} in an hour`, most, AIMS[role], (n) => n.toFixed(0));
    });
}

function groupsOf(all: readonly Idling[], roles: readonly Role[]) {
  const programs = [...new Set(all.map(({ program }) => program))];
  return roles.flatMap((role) =>
    programs.map((program) => {
      const members = all.filter((one) => one.role === role && one.program === program);
      return { program, role, members, windowMs: members[0]?.windowMs ?? NaN };
    }),
  );
}

function requestsOf(members: readonly Idling[]): number[] {
  return members.map(({ requests }) => requests);
}

/** The mean of several candidates. */
function perHour(counts: readonly number[], windowMs: number): number {
  const sum = counts.reduce((total, count) => total + count, 0);
  return ((sum / counts.length) * HOUR_MS) / windowMs;
}

function minutesOf([first]: readonly { readonly windowMs: number }[]): string {
  return ((first?.windowMs ?? NaN) / 60_000).toFixed(1);
}
