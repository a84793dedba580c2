import { setTimeout as sleep } from 'node:timers/promises';

import { type Goal, atMost, median, megabytes } from '../report.ts';
import { type Situation, Window } from '../situation.ts';
import { type Usage, usageOf } from '../usage.ts';
import { BARE, type Contender, FLOOR, OURS, contenders, start } from './contenders.ts';
import { type LightBench, PodHost, type PodProcess } from './pod.ts';

const HOUR_MS = 3_600_000;

/** After this long, a process has done what it does once. */
const SETTLING_MS = 15_000;

/** Processes of each role and contender: memory differs from start to start. */
const COPIES = 3;

const ROLES = ['no elector', 'leader', 'waiter'] as const;
type Role = (typeof ROLES)[number];

/** What one process used while nothing happened. */
export interface Idle extends Usage {
  readonly program: string;
  readonly role: Role;
  readonly windowMs: number;
}

interface Subject {
  readonly program: string;
  readonly role: Role;
  readonly process: PodProcess;
}

/** A leader and a waiter of each contender, several times. */
async function subjectsOf(
  bench: LightBench,
  host: PodHost,
  aim: 'life' | 'lease',
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const [index, contender] of (await contenders()).entries()) {
    bench.progress(`${aim}: ${contender.name} starts`);
    for (let copy = 1; copy <= COPIES; copy += 1) {
      subjects.push(...(await pairOf(host, contender, aim, `${aim}-${index}-${copy}`)));
    }
  }
  return subjects;
}

async function pairOf(host: PodHost, contender: Contender, aim: 'life' | 'lease', lock: string) {
  const program = contender.name;
  const first = await start(host, contender, aim, lock);
  if (!first) return [];
  if (contender === BARE) return [{ program, role: ROLES[0], process: first }];
  await first.said('leading');
  const second = await start(host, contender, aim, lock);
  if (!second) return [];
  return [
    { program, role: ROLES[1], process: first },
    { program, role: ROLES[2], process: second },
  ];
}

async function measureIdle(
  bench: LightBench,
  aim: 'life' | 'lease',
  windowMs: number,
): Promise<Idle[]> {
  await using host = await PodHost.open(bench);
  const subjects = await subjectsOf(bench, host, aim);
  await sleep(SETTLING_MS);
  const before = subjects.map(({ process }) => usageOf(process.pid).cpuMs);
  const window = new Window(Date.now());
  await window.end({ ...bench, windowMs });
  return subjects.map(({ program, role, process }, index) => {
    const { cpuMs, ...memory } = usageOf(process.pid);
    const used = cpuMs - (before[index] ?? NaN);
    return { program, role, windowMs: window.lengthMs, cpuMs: used, ...memory };
  });
}

/** What a process in a Pod keeps in memory. */
export const memory: Situation<LightBench, readonly Idle[]> = {
  measure: (bench) => measureIdle(bench, 'life', 0),

  report: (all) => ({
    title: 'Memory of a process in a Pod, leader for life',
    notes: [`Medians of ${COPIES} processes. Own: what is shared with no other process.`],
    table: [
      ['', 'role', 'resident', 'own', 'resident, beyond bare Node.js'],
      ...groupsOf(all).map(({ program, role, middle }) => [
        program,
        role,
        megabytes(middle('residentBytes')),
        megabytes(middle('ownBytes')),
        program === BARE.name ? '' : megabytes(middle('residentBytes') - bareBytes(all)),
      ]),
    ],
    goals: ours(all, 'waiter').flatMap(({ middle }) =>
      atMost(
        'memory of a process that waits, beyond bare Node.js',
        middle('residentBytes') - bareBytes(all),
        14 * 2 ** 20,
        megabytes,
      ),
    ),
  }),
};

/** What a leader that renews its Lease every 2 s, and a waiter that sees it, cost. */
export const renewals: Situation<LightBench, readonly Idle[]> = {
  measure: (bench) => measureIdle(bench, 'lease', bench.windowMs),

  report: (all) => ({
    title: 'CPU and memory of a process in a Pod, by a Lease that is renewed every 2 s',
    notes: [
      `Medians of ${COPIES} processes. CPU: of ${((all[0]?.windowMs ?? NaN) / 60_000).toFixed(1)} minutes,`,
      'extrapolated to an hour.',
    ],
    table: [
      ['', 'role', 'CPU per hour', 'resident', 'own'],
      ...groupsOf(all).map(({ program, role, middle, cpuMs }) => [
        program,
        role,
        seconds(cpuMs),
        megabytes(middle('residentBytes')),
        megabytes(middle('ownBytes')),
      ]),
    ],
    goals: [...cpuGoal(all, 'leader', 3_500), ...cpuGoal(all, 'waiter', 2_000)],
  }),
};

/** The goal is a figure, or what Node.js takes for the same requests and a quarter more. */
function cpuGoal(all: readonly Idle[], role: Role, aimMs: number): Goal[] {
  const floor = groupsOf(all).find((one) => one.program === FLOOR.name && one.role === role);
  const aim = Math.max(aimMs, (floor?.cpuMs ?? 0) * 1.25);
  return ours(all, role).flatMap(({ cpuMs }) =>
    atMost(`CPU of a ${role} in an hour`, cpuMs, aim, seconds),
  );
}

function seconds(value: number): string {
  return `${(value / 1_000).toFixed(1)} s`;
}

function groupsOf(all: readonly Idle[]) {
  const programs = [...new Set(all.map(({ program }) => program))];
  return ROLES.flatMap((role) =>
    programs.flatMap((program) => {
      const members = all.filter((one) => one.role === role && one.program === program);
      if (members.length === 0) return [];
      const middle = (key: keyof Usage) => median(members.map((member) => member[key]));
      const cpuMs = (middle('cpuMs') * HOUR_MS) / (members[0]?.windowMs ?? NaN);
      return [{ program, role, middle, cpuMs }];
    }),
  );
}

function ours(all: readonly Idle[], role: Role) {
  return groupsOf(all).filter((one) => one.program === OURS.name && one.role === role);
}

function bareBytes(all: readonly Idle[]): number {
  const own = all.filter(({ program }) => program === BARE.name);
  return median(own.map(({ residentBytes }) => residentBytes));
}
