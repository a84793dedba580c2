import { randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Where the journals of a scene are; without, the journal is what this process prints. */
export const folder = process.env['JOURNAL'];
export const name = variable('POD_NAME', '');
export const container = variable('CONTAINER', 'main');
const run = `${name}.${container}.${randomUUID()}`;
const journal = folder === undefined ? 1 : openSync(join(folder, `${run}.jsonl`), 'a');

export function variable(key: string, fallback: string): string {
  return process.env[key] ?? fallback;
}

/** Now, on the machine's monotonic clock: all its processes share it, whatever their wall clocks say. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Adds an entry to the journal. It is written when this returns, however the process ends next. */
export function say(event: string, more: object = {}): void {
  const who = { pod: name, uid: variable('POD_UID', name), container, run };
  const entry = { event, ...who, atMs: nowMs(), time: Date.now(), ...more };
  writeSync(journal, `${JSON.stringify(entry)}\n`);
}
