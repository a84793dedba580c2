import { join } from 'node:path';

import { goProgram } from '../../cluster/go.ts';
import { hasGo } from '../bench-cluster.ts';
import { transpiled } from '../lease/crew.ts';
import type { Sample } from '../plot.ts';
import type { Command, PodHost, PodProcess } from './pod.ts';

const PROGRAMS = join(import.meta.dirname, 'programs');

/** What a process is to do: an election of one mode, or one of many Leases in one process. */
export type Aim = 'life' | 'lease' | 'many';

/** A program that has elections, or has none and shows what Node.js costs by itself. */
export interface Contender {
  readonly name: string;
  /** Without it, the program cannot do this. */
  command(aim: Aim, host: PodHost, lock: string, electors: number): Command | undefined;
}

function node(name: string, program: string, more: Record<string, string> = {}): Contender {
  const args = ['--input-type=module', '--eval', transpiled(join(PROGRAMS, program))];
  return {
    name,
    command: (aim, _, lock, electors) => {
      const env = { AIM: aim, LOCK: lock, ELECTORS: `${electors}`, ...more };
      return { file: process.execPath, args, env };
    },
  };
}

export const BARE = node('bare Node.js', 'bare.ts');
export const FLOOR = node('floor', 'floor.ts');
export const OURS = node('leader-for-life', 'ours.ts');
export const CACHED = (folder: string) =>
  node('leader-for-life, compile cache', 'ours.ts', { NODE_COMPILE_CACHE: folder });

/** Where Go is on this machine: operator-lib for life, client-go for Leases. */
async function goContenders(): Promise<Contender[]> {
  if (!hasGo()) return [];
  const operatorLib = await goProgram(join(import.meta.dirname, '../../scenarios/operator-lib'));
  const clientGo = await goProgram(join(import.meta.dirname, '../../lab/client-go'), 'electors');
  return [
    {
      name: 'operator-lib',
      command: (aim, _, lock) =>
        aim === 'life'
          ? { file: operatorLib.path, args: [], env: { LOCK: lock, JOURNAL: 'stdout' } }
          : undefined,
    },
    {
      name: 'client-go',
      command(aim, { kubeconfig, arena: { namespace } }, lock, electors) {
        if (aim === 'life') return undefined;
        serial += 1;
        const flags = { kubeconfig, namespace, lease: lock, identity: `go${serial}`, electors };
        const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
        return { file: clientGo.path, args: aim === 'many' ? [...args, '--own-leases'] : args };
      },
    },
  ];
}

let serial = 0;

/** Ours, and what it is measured beside. */
export async function contenders(): Promise<Contender[]> {
  return [BARE, FLOOR, OURS, ...(await goContenders())];
}

/** As they are drawn: ours first, and what is written in Go in one colour. */
export function samplesOf(
  all: readonly { readonly program: string; readonly leadingMs: number | readonly number[] }[],
): Sample[] {
  const isOurs = ({ name }: Sample) => name === OURS.name;
  const samples = all.map(({ program, leadingMs }): Sample => {
    const names = [BARE.name, FLOOR.name, OURS.name];
    const name = names.find((own) => program.startsWith(own)) ?? 'Go';
    const row = program.replace(`${name}, `, '');
    return { name, ...(row !== name && { row }), valuesMs: [leadingMs].flat() };
  });
  return [...samples.filter(isOurs), ...samples.filter((sample) => !isOurs(sample))];
}

/** Starts a process with this aim. Undefined if the contender has no such program. */
export async function start(
  host: PodHost,
  contender: Contender,
  aim: Aim,
  lock: string,
  electors = 1,
): Promise<PodProcess | undefined> {
  const command = contender.command(aim, host, lock, electors);
  return command && host.start(contender.name, command);
}
