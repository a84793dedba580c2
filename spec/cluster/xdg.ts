import { homedir } from 'node:os';
import { join } from 'node:path';

/** folderFrom is a base folder of the user, as the XDG specification says; empty means unset. */
export function folderFrom(variable: string, fallback: string): string {
  const value = process.env[variable] ?? '';
  return value === '' ? join(homedir(), fallback) : value;
}
