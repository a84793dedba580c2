import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Mode, modes } from '../schedule.ts';

/** A defect that is put into the library on purpose: the simulator has to find it. */
export interface Mutant {
  readonly name: string;
  /** What is wrong, and which trap that is: one that electors have fallen into, or a cousin. */
  readonly defect: string;
  readonly trap: string;
  /** In which worlds it shows. */
  readonly modes: readonly Mode[];
  /** After how many schedules of a mode it has been found at the latest. */
  readonly schedules: number;
  /** The files that it changes, from the root of the project. */
  readonly files: readonly string[];
  /** A unified diff that `git apply` takes. */
  readonly patch: string;
}

const folder = new URL('./', import.meta.url);

/** For those that do not say more; each is found several times sooner. */
const SCHEDULES = 2_000;

/** All there are, by name. */
export function readMutants(): Mutant[] {
  return readdirSync(fileURLToPath(folder))
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) =>
      toMutant(file.replace(/\.patch$/, ''), readFileSync(new URL(file, folder), 'utf8')),
    );
}

/** Throws on a patch that does not say what it has to. */
export function toMutant(name: string, patch: string): Mutant {
  const head = patch.slice(0, Math.max(patch.search(/^--- /m), 0));
  const field = (key: string) => new RegExp(`^${key}: (.+)$`, 'm').exec(head)?.[1];
  const needed = (key: string) => {
    const found = field(key);
    if (!found) throw new Error(`${name}.patch has no line "${key}: ..." before its first file`);
    return found;
  };
  const found = needed('Found in').split(' ');
  const known = modes.filter((mode) => found.includes(mode));
  if (known.length !== found.length) {
    throw new Error(
      `${name}.patch is found in ${found.join(' ')}, but modes are ${modes.join(' ')}`,
    );
  }
  const within = field('Within')?.replace(/ schedules$/, '');
  const schedules = Number(within ?? SCHEDULES);
  if (!Number.isSafeInteger(schedules) || schedules < 1) {
    throw new Error(
      `${name}.patch says "Within: ${String(within)}", which is no number of schedules`,
    );
  }
  const files = [...patch.matchAll(/^\+\+\+ b\/(\S+)$/gm)].flatMap(([, file]) => file ?? []);
  const strange = files.find((file) => !/^lib\/[\w/-]+\.ts$/.test(file));
  if (files.length === 0 || strange) {
    throw new Error(`${name}.patch changes ${strange ?? 'nothing'}: it has to change the library`);
  }
  return {
    name,
    defect: needed('Defect'),
    trap: needed('Trap'),
    modes: known,
    schedules,
    files,
    patch,
  };
}
