import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

export const folder = variable('SCENE_FOLDER', '/scene');
export const pod = variable('POD_NAME', '');
export const container = variable('CONTAINER', 'main');
const run = `${pod}.${container}.${randomUUID()}`;

export function variable(name: string, fallback: string): string {
  return process.env[name] ?? fallback;
}

/** Adds a line to the scene's journal; written before this returns, however the process ends next. */
export function say(event: string, more: object = {}): void {
  const uid = variable('POD_UID', '');
  const atMs = Number(process.hrtime.bigint() / 1_000n) / 1_000;
  const entry = { event, pod, uid, container, run, atMs, time: Date.now(), ...more };
  appendFileSync(join(folder, `${run}.jsonl`), `${JSON.stringify(entry)}\n`);
}
