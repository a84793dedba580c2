import { systemClock } from '../platform/clock.ts';
import type { Access, Credentials } from './credentials.ts';
import {
  type Environment,
  SERVICE_ACCOUNT_PATH,
  inClusterServer,
  readSmall,
} from './environment.ts';
import { stripError } from './outcome.ts';

/** After this long, the files are read again even if they look unchanged, as client-go does. */
const MAX_AGE_MS = 60_000;

/**
 * The credentials of the Pod's service account, from its files. Kubernetes replaces the files while
 * the Pod runs, so they are read again when they have changed, and after a refusal.
 */
export function serviceAccountCredentials(environment: Environment): Credentials {
  const server = new URL(inClusterServer(environment));
  const path = process.getBuiltinModule('node:path');
  const folder = path.join(environment.root, SERVICE_ACCOUNT_PATH);
  const [tokenPath, caPath] = [path.join(folder, 'token'), path.join(folder, 'ca.crt')];
  let last:
    { readonly access: Access; readonly stamp: string; readonly readMs: number } | undefined;
  let isRefused = false;

  const read = async (stamp: string) => {
    const readMs = systemClock.now();
    const [token, ca] = await Promise.all([readSmall(tokenPath), readSmall(caPath)]);
    // A file that is being replaced may be empty for a moment.
    if (token.trim() === '') throw new Error(`${tokenPath} is empty`);
    const headers = { authorization: `Bearer ${token.trim()}` };
    last = { access: { server, headers, tls: { ca } }, stamp, readMs };
    isRefused = false;
    return last.access;
  };

  return {
    access: async () => {
      const stamp = stampOf(tokenPath) + stampOf(caPath);
      const isFresh =
        last?.stamp === stamp && systemClock.now() - last.readMs < MAX_AGE_MS && !isRefused;
      if (last && isFresh) return last.access;
      try {
        return await read(stamp);
      } catch (error) {
        // The last token may be valid for a while yet.
        if (last) return last.access;
        throw stripError({ message: `there are no credentials: ${stripError(error).message}` });
      }
    },
    refresh: (refused) => {
      if (refused === last?.access) isRefused = true;
      return Promise.resolve();
    },
  };
}

/**
 * Changes with the file, because Kubernetes replaces a link on its path. Synchronous, because the
 * file is in memory.
 */
function stampOf(path: string): string {
  const { statSync } = process.getBuiltinModule('node:fs');
  const { ino, size, mtimeMs, ctimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
  return `${[ino, size, mtimeMs, ctimeMs].join()};`;
}
