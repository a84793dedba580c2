import { type Environment, SERVICE_ACCOUNT_PATH, readSmall } from '../kubernetes/environment.ts';
import { type Json, child, text } from '../kubernetes/json.ts';
import { claimsOf } from '../kubernetes/service-account.ts';
import { duration } from '../platform/printable.ts';
import { type Finding, findingsOf } from './finding.ts';

const { ok, warning, error } = findingsOf('token');

/** The Pod that this process takes itself for. */
export interface Self {
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
}

/** The service account's token. Its signature is for the API server to check. */
export async function tokenFinding(
  environment: Environment,
  self: Self,
  now: Date,
): Promise<Finding> {
  const path = process
    .getBuiltinModule('node:path')
    .join(environment.root, SERVICE_ACCOUNT_PATH, 'token');
  let token: string;
  try {
    token = await readSmall(path);
  } catch (cause) {
    return error(`${path} cannot be read: ${(cause as Error).message}`);
  }
  const claims = claimsOf(token);
  if (!claims) return warning(`${path} is no JSON web token, so its age is unknown.`);
  return bindingFinding(claims, self) ?? ageFinding(claims, now);
}

/** A token that belongs to another Pod ends with that Pod. */
function bindingFinding(claims: Json, { podName, podUid }: Self): Finding | undefined {
  const bound = child(child(claims, 'kubernetes.io'), 'pod');
  const [name, uid] = [text(bound, 'name'), text(bound, 'uid')];
  const isOther =
    (name !== undefined && podName !== undefined && name !== podName) ||
    (uid !== undefined && podUid !== undefined && uid !== podUid);
  if (!isOther) return undefined;
  return error(
    `The token belongs to Pod ${name ?? ''} (${uid ?? 'no UID'}), but POD_NAME and POD_UID say ` +
      `${podName ?? ''} (${podUid ?? 'no UID'}). Set both from the downward API (fieldPath: ` +
      'metadata.name, metadata.uid).',
  );
}

function ageFinding(claims: Json, now: Date): Finding {
  const { iat, exp } = claims;
  const nowMs = now.getTime();
  const who = text(claims, 'sub') ?? 'an unknown user';
  const age = typeof iat === 'number' ? `, ${duration(nowMs - iat * 1_000)} old` : '';
  if (typeof exp !== 'number') {
    return warning(
      `The token of ${who}${age} never expires. Use a projected token: Kubernetes mounts one unless ` +
        'a Secret is mounted in its place.',
    );
  }
  const leftMs = exp * 1_000 - nowMs;
  if (leftMs <= 0) {
    return error(
      `The token of ${who}${age} expired ${duration(leftMs)} ago. The kubelet replaces it in time, so ` +
        'look at the kubelet of this node, and at the clock.',
    );
  }
  return ok(`token of ${who}${age}, valid for another ${duration(leftMs)}`);
}
