import type { Cluster } from '../cluster/state.ts';
import type { Entry } from '../scenarios/journal.ts';
import { AuditLog, type AuditedRequest } from './audit-log.ts';
import { Fleet, bareProgram, operatorLibProgram, ourProgram, releasingProgram } from './fleet.ts';
import { type Goal, atLeast, atMost, times } from './goal.ts';
import { type Report, ms } from './report.ts';
import { maximum, median, minimum } from './statistics.ts';

const CREATED = 201;
const OK = 200;

export interface SuccessionOptions {
  readonly handovers: number | undefined;
  readonly onProgress: (message: string) => void;
}

/** What became of the leaders of one fleet. */
export interface Succession {
  readonly program: string;
  /** From the deletion of the lock to its creation, as the API server answered them. */
  readonly handoverMs: readonly number[];
  /** From the last that the old leader says to the first that the next one says. */
  readonly outageMs: readonly number[];
}

/** Deployments of real Pods: the leader's Pod is deleted, as by `kubectl delete pod`. */
export async function measureSuccession(
  cluster: Cluster,
  { handovers = 20, onProgress }: SuccessionOptions,
): Promise<Report> {
  const programs = [ourProgram, await operatorLibProgram(cluster), releasingProgram, bareProgram];
  const fleets: Fleet[] = [];
  for (const program of programs) {
    onProgress(`Deployments: ${program.name} starts`);
    fleets.push(await Fleet.deploy(cluster, program));
  }
  for (let run = 1; run <= handovers; run += 1) {
    // Taking turns, so that what else goes on in the machine meets everybody.
    for (const fleet of fleets) {
      onProgress(`Deployments: ${fleet.program.name}, ${run} of ${handovers}`);
      await fleet.handOver();
    }
  }
  const all = fleets.map((fleet) => successionOf(cluster, fleet));
  await Promise.all(fleets.map(({ scene }) => scene.close()));
  return successionReport(all);
}

export function successionReport(all: readonly Succession[]): Report {
  return {
    title: 'Deployments of three Pods on a real node: the leader’s Pod is deleted',
    notes: [
      'Handover: from the deletion of the lock to its creation, as the API server’s audit log has them.',
      'Outage: from the last line that the old leader writes, as it ends on SIGTERM (with release():',
      'as it stops working), to the first line that the next leader writes; all on one clock.',
    ],
    table: [
      ['', 'runs', ...columns('handover'), ...columns('outage')],
      ...all.map(({ program, handoverMs, outageMs }) => [
        program,
        `${handoverMs.length}`,
        ...cells(handoverMs),
        ...cells(outageMs),
      ]),
    ],
    data: all,
    goals: goalsOf(all),
    plot: {
      title: 'How long nobody leads after the leader’s Pod is deleted',
      panels: [
        {
          title: 'Handover: the lock is deleted → the lock is created',
          samples: all.map(({ program, handoverMs }) => ({ name: program, valuesMs: handoverMs })),
        },
        {
          title: 'Outage: the old leader ends on SIGTERM → the next leader’s first act',
          samples: all
            .filter(({ program }) => program !== bareProgram.name)
            .map(({ program, outageMs }) => ({ name: program, valuesMs: outageMs })),
        },
      ],
    },
  };
}

export function goalsOf(all: readonly Succession[]): Goal[] {
  const of = ({ name }: { name: string }) => all.find(({ program }) => program === name);
  const [ours, bare] = [of(ourProgram), of(bareProgram)];
  const operatorLib = of({ name: 'operator-lib' });
  const handover = (succession?: Succession) => median(succession?.handoverMs ?? []);
  return [
    ...atLeast(
      'Pods: median handover, faster than operator-lib',
      handover(operatorLib) / handover(ours),
      20,
      times,
    ),
    ...atMost('Pods: median outage', median(ours?.outageMs ?? []), 250, ms),
    ...atMost(
      'Pods: median handover, compared with a bare client',
      handover(ours) / handover(bare),
      1.5,
      times,
    ),
  ];
}

/** From each deletion of the lock to the creation that follows it. */
export function handoversOf(requests: readonly AuditedRequest[], lockName: string): number[] {
  const handovers: number[] = [];
  let freed: number | undefined;
  // A watch may tell of a deletion before that is answered, and the creation be answered first.
  const inOrder = requests.toSorted((a, b) => a.receivedTime - b.receivedTime);
  for (const { verb, resource, name, status, answeredTime } of inOrder) {
    if (resource !== 'configmaps' || name !== lockName) continue;
    if (verb === 'delete' && status === OK) freed = answeredTime;
    if (verb !== 'create' || status !== CREATED || freed === undefined) continue;
    handovers.push(Math.max(answeredTime - freed, 0));
    freed = undefined;
  }
  return handovers;
}

/** From the end of each leader to the beginning of the next one. */
export function outagesOf(entries: readonly Entry[]): number[] {
  const terms = [...Map.groupBy(entries, ({ run }) => run).values()]
    .flatMap((own) => {
      const from = own.find(({ event }) => event === 'leading');
      const to = own.find(({ event }) => event === 'releasing' || event === 'exit');
      return from ? { fromMs: from.atMs, toMs: to?.atMs } : [];
    })
    .sort((a, b) => a.fromMs - b.fromMs);
  return terms.slice(1).flatMap(({ fromMs }, index) => {
    const endMs = terms[index]?.toMs;
    return endMs === undefined ? [] : fromMs - endMs;
  });
}

function successionOf(cluster: Cluster, { program, scene }: Fleet): Succession {
  const { namespace, lockName } = scene.where;
  const requests = new AuditLog(cluster.auditLog, namespace).read();
  return {
    program: program.name,
    handoverMs: handoversOf(requests, lockName),
    outageMs: outagesOf(scene.entries),
  };
}

function columns(what: string): string[] {
  return [`${what}: min`, 'median', 'max'];
}

function cells(values: readonly number[]): string[] {
  return [minimum(values), median(values), maximum(values)].map(ms);
}
