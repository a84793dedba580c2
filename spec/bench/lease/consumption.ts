import { type Goal, atMost } from '../goal.ts';
import type { Report } from '../report.ts';
import { maximum, median } from '../statistics.ts';
import type { Day } from './day.ts';
import { type Idling, ROLES, type Role } from './idle.ts';
import { OURS } from './program.ts';

const HOUR_MS = 3_600_000;

/** Requests in an hour. */
const AIMS: Readonly<Partial<Record<Role, number>>> = { leader: 1_800, waiter: 30 };

/** What electors ask of the API server while nothing happens. */
export function requestsReport(all: readonly Idling[], day: Day): Report {
  const simulated = (role: Role, hours: readonly number[]) => {
    return [`${OURS}, simulated`, role, '', '', '', `${maximum(hours)}`];
  };
  return {
    title: 'Requests while nothing happens, by the API server’s audit log',
    notes: [
      `Counted for ${minutesOf(all)} minutes and extrapolated to an hour; the start is apart.`,
      'What happens more seldom may be missed: simulated is the costliest hour of a day.',
    ],
    table: [
      ['', 'role', 'processes', 'at the start', 'counted', 'per hour'],
      ...groupsOf(all, ['leader', 'waiter']).map(({ program, role, members }) => [
        program,
        role,
        `${members.length}`,
        `${median(members.map(({ requestsBefore }) => requestsBefore))}`,
        members.map(({ requests }) => requests).join(', '),
        perHour(members).toFixed(0),
      ]),
      simulated('leader', day.leading),
      simulated('waiter', day.waiting),
    ],
    data: { processes: all, day },
    goals: goalsOf(all, day),
  };
}

/** What electors cost the machine that they run on. */
export function footprintReport(all: readonly Idling[]): Report {
  return {
    title: 'CPU and memory of a process with one elector',
    notes: [
      `CPU: of ${minutesOf(all)} minutes, extrapolated to an hour. Resident: all that is in memory;`,
      'own: what is shared with no other process. Without an elector: a process that has loaded the',
      'library and its Kubernetes client, and does nothing.',
    ],
    table: [
      ['', 'role', 'CPU per hour', 'of one core', 'resident', 'own'],
      ...groupsOf(all, ROLES).map(({ program, role, members }) => {
        const [cpuMs = NaN] = members.map(({ windowMs }) => windowMs);
        const share = median(members.map((member) => member.cpuMs)) / cpuMs;
        return [
          program,
          role,
          `${((share * HOUR_MS) / 1_000).toFixed(1)} s`,
          `${(share * 100).toFixed(2)} %`,
          megabytes(median(members.map(({ residentBytes }) => residentBytes))),
          megabytes(median(members.map(({ ownBytes }) => ownBytes))),
        ];
      }),
    ],
    data: all,
  };
}

/** Whichever is more of ours counts: what was seen, or what is known of longer times. */
function goalsOf(all: readonly Idling[], day: Day): Goal[] {
  const known = { leader: maximum(day.leading), waiter: maximum(day.waiting) };
  return groupsOf(all, ['leader', 'waiter']).flatMap(({ program, role, members }) => {
    if (program !== OURS || role === 'no elector') return [];
    const most = Math.max(perHour(members), known[role]);
    return atMost(`requests of a ${role} in an hour`, most, AIMS[role], (n) => n.toFixed(0));
  });
}

interface Group {
  readonly program: string;
  readonly role: Role;
  readonly members: readonly Idling[];
}

function groupsOf(all: readonly Idling[], roles: readonly Role[]): Group[] {
  const programs = [...new Set(all.map(({ program }) => program))];
  return roles.flatMap((role) =>
    programs.map((program) => {
      const members = all.filter((one) => one.role === role && one.program === program);
      return { program, role, members };
    }),
  );
}

function perHour(members: readonly Idling[]): number {
  const rates = members.map(({ requests, windowMs }) => (requests * HOUR_MS) / windowMs);
  return rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
}

function minutesOf([first]: readonly Idling[]): string {
  return ((first?.windowMs ?? NaN) / 60_000).toFixed(1);
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}
