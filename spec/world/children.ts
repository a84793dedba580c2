import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/** Far more than any command needs, on a machine that is busy with other things. */
const TIMEOUT_MS = 20 * 60_000;

/** What a script prints in that folder, if it comes to its last line. */
export async function outputOf(
  folder: string,
  command: readonly string[],
  lastLine: RegExp,
): Promise<string> {
  const child = spawn(process.execPath, command, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (lastLine.test(output)) return output;
  const why = `${output}${complaint}`.trim().split('\n').slice(-12).join('\n');
  throw new Error(`${command[0] ?? ''} ended with ${signal ?? String(code)}: ${why}`);
}

/** As many at a time as there are cores; the results in the order of the items. */
export async function inTurns<T, R>(
  items: readonly T[],
  task: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const work = async () => {
    for (const [index, item] of queue) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return results;
}
