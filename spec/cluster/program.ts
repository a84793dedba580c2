import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Where system programs are; a user's PATH often lacks some of these folders. */
export const SYSTEM_FOLDERS = ['/usr/local', '/usr', ''].flatMap((prefix) => [
  `${prefix}/sbin`,
  `${prefix}/bin`,
]);

/** findProgram finds a program on the PATH or in one of `folders`. */
export function findProgram(name: string, folders: readonly string[]): string | undefined {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...path, ...folders].map((folder) => join(folder, name)).find(isProgram);
}

/** run runs a program to its end and tells its standard output; it throws with what it wrote. */
export async function run(file: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
