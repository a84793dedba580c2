import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mode } from '../mode.ts';

/** A defect that is put into the library on purpose: the simulator has to find it. */
export interface Mutant {
  readonly name: string;
  readonly defect: string;
  /** The mistake of an elector that it stands for, or a cousin of one. */
  readonly trap: string;
  /** The worlds in which it shows. */
  readonly seenIn: readonly Mode[];
  /** The number of schedules of a mode in which it is found at the latest, by default 2,000. */
  readonly within?: number;
  readonly edits: readonly Edit[];
}

/** Whole lines of a file, each with its end; `find` occurs once. */
export interface Edit {
  /** From the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const HEAD =
  /^# (?<name>[\w-]+): (?<modes>[a-z, ]+?)(?:, (?<within>\d+) schedules)?\n# (?<defect>.+)\n# Trap: (?<trap>.+)$/;

export const mutants: readonly Mutant[] = ['life', 'lease', 'both']
  .flatMap((name) => readFileSync(join(import.meta.dirname, `${name}.diff`), 'utf8').split('\n\n'))
  .map((text) => parse(text.trimEnd()))
  .sort((a, b) => (a.name < b.name ? -1 : 1));

/** Reads a head, and a diff for each edit. */
export function parse(text: string): Mutant {
  const [head = '', ...edits] = text.split('\n--- ');
  const { name = '', modes = '', within, defect = '', trap = '' } = HEAD.exec(head)?.groups ?? {};
  if (name === '') throw new Error(`This is no head of a seeded defect: ${head}`);
  const seenIn = modes.split(', ') as Mode[];
  const bound = within === undefined ? {} : { within: Number(within) };
  return { name, defect, trap, seenIn, ...bound, edits: edits.map(parseEdit) };
}

function parseEdit(text: string): Edit {
  const [file = '', ...lines] = text.split('\n');
  const side = (other: string) =>
    lines.flatMap((line) => (line.startsWith(other) ? [] : `${line.slice(1)}\n`)).join('');
  return { file, find: side('+'), replace: side('-') };
}

/** The files that the defect changes, with their new text. Throws if an edit does not fit the library. */
export function mutate({ name, edits }: Mutant, read: (file: string) => string) {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = texts.get(file) ?? read(file);
    const lines = `\n${text}`;
    const at = lines.indexOf(`\n${find}`);
    if (at < 0 || lines.lastIndexOf(`\n${find}`) > at) {
      const count = at < 0 ? 'does not occur' : 'occurs more than once';
      throw new Error(`${name}: what it looks for in ${file} ${count}: ${find}`);
    }
    texts.set(file, text.slice(0, at) + replace + text.slice(at + find.length));
  }
  return texts;
}
