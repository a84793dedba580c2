import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a command, which has to end by itself; resolves with what it wrote. Rejects with that too. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd: string; timeoutMs: number; env?: NodeJS.ProcessEnv | undefined },
): Promise<string> {
  const { stdout } = await execute(command, args, {
    cwd: options.cwd,
    env: { ...outsideCluster(), ...options.env },
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** Our environment, without what would make a program believe that it is in a Pod. */
function outsideCluster(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env);
  return Object.fromEntries(
    entries.filter(([name]) => !/^(?:KUBE|POD_|NODE_(?!EXTRA_CA_CERTS))/.test(name)),
  );
}
