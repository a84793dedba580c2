import { systemClock } from '../platform/clock.ts';
import type { Access, Credentials } from './credentials.ts';
import {
  type Environment,
  SERVICE_ACCOUNT_PATH,
  inClusterServer,
  readSmall,
} from './environment.ts';
import { type Json, child, isObject, text } from './json.ts';
import { isDnsSubdomain } from './names.ts';
import { stripError } from './outcome.ts';
import type { PodIdentity } from '../protocol/model.ts';

/** After this long, the files are read again even if they look unchanged, as client-go does. */
const MAX_AGE_MS = 60_000;

/** The files are looked at this often. A token is valid long after it was replaced. */
const LOOK_EVERY_MS = 10_000;

/** All elections of an environment share its credentials. */
const known = new WeakMap<
  Environment,
  { readonly server: string; readonly credentials: Credentials }
>();

/**
 * The credentials of the Pod's service account, from its files. Kubernetes replaces the files while
 * the Pod runs, so they are read again when they have changed, and after a refusal.
 */
export function serviceAccountCredentials(environment: Environment): Credentials {
  const server = inClusterServer(environment);
  let shared = known.get(environment);
  if (shared?.server !== server) {
    shared = { server, credentials: fromFiles(environment, new URL(server)) };
    known.set(environment, shared);
  }
  return shared.credentials;
}

function fromFiles(environment: Environment, server: URL): Credentials {
  const path = process.getBuiltinModule('node:path');
  const folder = path.join(environment.root, SERVICE_ACCOUNT_PATH);
  const [tokenPath, caPath] = [path.join(folder, 'token'), path.join(folder, 'ca.crt')];
  let last:
    { readonly access: Access; readonly stamp: string; readonly readMs: number } | undefined;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let isRefused = false;
  let reading: Promise<Access> | undefined;

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
    fresh: () => {
      const isRecent = systemClock.now() - lookedMs < LOOK_EVERY_MS;
      return isRecent && !isRefused ? last?.access : undefined;
    },
    access: async () => {
      const nowMs = systemClock.now();
      lookedMs = nowMs;
      const stamp = stampOf(tokenPath) + stampOf(caPath);
      const isFresh = last?.stamp === stamp && nowMs - last.readMs < MAX_AGE_MS && !isRefused;
      if (last && isFresh) return last.access;
      try {
        return await (reading ??= read(stamp));
      } catch (error) {
        // The last token may be valid for a while yet.
        if (last) return last.access;
        throw stripError({ message: `there are no credentials: ${stripError(error).message}` });
      } finally {
        reading = undefined;
      }
    },
    refresh: (refused) => {
      if (refused === last?.access) isRefused = true;
      return Promise.resolve();
    },
  };
}

/** The Pod to which Kubernetes has bound the service account's token. */
export async function tokenPod(environment: Environment): Promise<PodIdentity | undefined> {
  const path = process.getBuiltinModule('node:path');
  const file = path.join(environment.root, SERVICE_ACCOUNT_PATH, 'token');
  const claims = claimsOf(await readSmall(file).catch(() => ''));
  const pod = child(child(claims, 'kubernetes.io'), 'pod');
  const [name, uid] = [text(pod, 'name'), text(pod, 'uid')];
  return name && uid && isDnsSubdomain(name) ? { name, uid } : undefined;
}

/** What a token says about itself; undefined if it is none. */
export function claimsOf(token: string): Json | undefined {
  try {
    const [, payload = ''] = token.trim().split('.');
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    return isObject(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Changes with the file, because Kubernetes replaces a link on its path. Synchronous, because the
 * file is in memory. If that fails, the read that follows says why.
 */
function stampOf(path: string): string {
  const { statSync } = process.getBuiltinModule('node:fs');
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${[ino, size, mtimeMs, ctimeMs].join()};`;
  } catch {
    return ';';
  }
}
