import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { type Options, UsageError, type Values, quote } from './option.ts';
import { signalGroup } from './process-group.ts';

/** The ways to ask whether this Pod can do the leader's work. */
export const HEALTH_OPTIONS = {
  'health-url': {
    type: 'text',
    placeholder: 'URL',
    help: 'Lead only while this answers with 200 to 399; asked every 2s',
  },
  'health-exec': {
    type: 'text',
    placeholder: 'COMMAND',
    help: 'Lead only while this shell command ends with 0; run every 2s',
  },
  'health-file': {
    type: 'text',
    placeholder: 'FILE',
    help: 'Lead only while this file exists',
  },
} as const satisfies Options;

type Check = (signal: AbortSignal) => Promise<boolean>;

/** A check that passes if all of these do; undefined without any. */
export function healthOf(values: Partial<Values<typeof HEALTH_OPTIONS>>): Check | undefined {
  const { 'health-url': url, 'health-exec': exec, 'health-file': file } = values;
  const checks = [
    ...(url === undefined ? [] : [byUrl(urlOf(url))]),
    ...(exec === undefined ? [] : [byCommand(exec)]),
    ...(file === undefined ? [] : [byFile(file)]),
  ];
  if (checks.length === 0) return undefined;
  return async (signal) => {
    const passed = await Promise.all(checks.map((check) => check(signal)));
    return passed.every(Boolean);
  };
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new UsageError(`--health-url must be a URL of http or https, but is ${quote(text)}.`);
}

/** As a kubelet's probe: any answer from 200 to 399 is good. */
function byUrl(url: URL): Check {
  return async (signal) => {
    const answer = await fetch(url, { signal, redirect: 'manual' });
    await answer.body?.cancel();
    return answer.status >= 200 && answer.status < 400;
  };
}

function byCommand(command: string): Check {
  return (signal) =>
    new Promise((resolve) => {
      // A group of its own, so that what the shell has started ends with it.
      const child = spawn(command, { shell: true, detached: true, stdio: 'ignore' });
      const kill = () => {
        if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      };
      signal.addEventListener('abort', kill, { once: true });
      const end = (isHealthy: boolean) => {
        signal.removeEventListener('abort', kill);
        resolve(isHealthy);
      };
      child.once('error', () => end(false));
      child.once('exit', (code) => end(code === 0));
    });
}

function byFile(path: string): Check {
  return () =>
    access(path).then(
      () => true,
      () => false,
    );
}
