import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

import { goProgram } from '../../cluster/go.ts';
import { root } from '../../public/entry-points.ts';

/** A program that runs electors, by its library. */
export interface Program {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Where it finds what it imports. */
  readonly cwd: string;
}

export const OURS = 'leader-for-life';
export const CLIENT_GO = 'client-go';

/** This library, as built. Its types are stripped beforehand: Node.js would need memory for that. */
export function ourProgram(): Program {
  const source = readFileSync(join(import.meta.dirname, 'electors.ts'), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  });
  const args = ['--input-type=module', '--eval', outputText, '--'];
  return { name: OURS, file: process.execPath, args, cwd: root };
}

export async function clientGoProgram(): Promise<Program> {
  const { path } = await goProgram(join(import.meta.dirname, 'client-go'));
  return { name: CLIENT_GO, file: path, args: [], cwd: root };
}
