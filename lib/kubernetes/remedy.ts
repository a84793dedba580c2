import type { ErrorCode } from '../errors.ts';
import { type ApiError, hasStatus, isNamespaceAbsent, isNamespaceTerminating } from './outcome.ts';

/** The object that this process may not use, for messages. */
export interface Refused {
  /** Its kind, namespace and name. */
  readonly object: string;
  readonly namespace: string;
  /** The needed Role as YAML, bound to the user if that is a service account. */
  role(user: string | undefined): string;
}

/** The remedy for a refusal: the code for programs, and what to do, for people. */
export interface Remedy {
  readonly code: ErrorCode;
  readonly advice: string;
}

/** Advises a Role only if the authorizer has refused, and a Role would help. */
export function remedyOf(error: ApiError, refused: Refused): Remedy {
  const { namespace } = refused;
  if (isNamespaceTerminating(error)) {
    const advice = `Namespace ${namespace} is being deleted: nothing can be created in it any more.`;
    return { code: 'ERR_NAMESPACE_TERMINATING', advice };
  }
  if (isNamespaceAbsent(error)) {
    const advice = `There is no namespace ${namespace}. Create it, or correct POD_NAMESPACE or options.namespace.`;
    return { code: 'ERR_NAMESPACE_NOT_FOUND', advice };
  }
  const quota = quotaAdvice(error, namespace);
  if (quota !== undefined) return { code: 'ERR_REJECTED', advice: quota };
  const admission = admissionOf(error);
  if (admission === undefined && hasStatus(error, 403)) {
    return { code: 'ERR_FORBIDDEN', advice: deniedAdvice(error, refused) };
  }
  const advice =
    admission === undefined
      ? 'see what the API server says.'
      : `change what the ${admission} objects to, or have it allow this.`;
  return { code: 'ERR_REJECTED', advice: `Trying again would not help: ${advice}` };
}

const QUOTA = /(exceeded quota|status unknown for quota): ([^, ]+)/;

/** The quota that refuses another object. */
export function quotaName({ message }: ApiError): string | undefined {
  const name = QUOTA.exec(message)?.[2];
  return name === undefined ? undefined : `quota ${name}`;
}

function quotaAdvice({ message }: ApiError, namespace: string): string | undefined {
  const [, what, name = ''] = QUOTA.exec(message) ?? [];
  if (what === undefined) return undefined;
  const why =
    what === 'exceeded quota'
      ? 'is used up. Raise it, or delete something that it counts'
      : "allows nothing until Kubernetes' controller manager has counted what it limits";
  const see = `kubectl describe quota ${name} -n ${namespace}`;
  return `Quota ${name} of namespace ${namespace} ${why}: ${see}`;
}

/** The installed admission plugin that has denied it, whatever the status. */
function admissionOf({ message }: ApiError): string | undefined {
  const webhook = /admission webhook "([^"]+)" denied/.exec(message)?.[1];
  if (webhook !== undefined) return `admission webhook ${webhook}`;
  const policy = /ValidatingAdmissionPolicy ['"]([^'"]+)['"].* denied request/.exec(message)?.[1];
  return policy === undefined ? undefined : `ValidatingAdmissionPolicy ${policy}`;
}

function deniedAdvice({ message }: ApiError, refused: Refused): string {
  const denial = /User "([^"]+)" cannot(.*)/.exec(message);
  if (!denial) return 'This is no right that a Role grants: see what the API server says.';
  const [, user = '', rest = ''] = denial;
  if (user === 'system:anonymous') {
    return (
      'No credentials reached the API server: to it, this process is system:anonymous. Usual causes: ' +
      "the kubeconfig's user has neither a token nor a client certificate; a proxy drops the " +
      'Authorization header; a load balancer ends TLS, and the client certificate with it.'
    );
  }
  if (rest.startsWith(' impersonate')) {
    return (
      `The kubeconfig has ${user} act as somebody else, which ${user} may not. Remove "as" from the ` +
      `kubeconfig's user, or allow ${user} the verb impersonate.`
    );
  }
  // RBAC grants or has no opinion. Other authorizers deny, and are asked first.
  if (/(?:at the cluster scope|in the namespace "[^"]*"): .*\bdenied\b/.test(rest)) {
    return (
      "A rule of the cluster's authorizer denies it, which no Role overrides: ask the cluster's " +
      'administrator, or choose another namespace.'
    );
  }
  const yaml = refused.role(user);
  const binding = yaml.includes('kind: RoleBinding') ? '' : `, and bind the Role to ${user}`;
  return `Allow it with kubectl apply -f - and this input${binding}:\n\n${yaml}`;
}
