import { describe, expect, it } from 'vitest';

import { LeaderElectionError } from '../../lib/errors.ts';
import { explainFailure, explainRefusal, refusedLock } from '../../lib/kubernetes/failure.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { roleYaml } from '../../lib/kubernetes/role.ts';
import { aLock } from '../protocol/fixtures.ts';

const context = { lockName: 'my-lock', namespace: 'prod', podName: 'app-0', takeOver: false };

function refusal(
  status: number,
  reason: string,
  message: string,
  causes: string[] = [],
  about?: 'namespace',
) {
  return new ApiError({ status, reason, message, causes, about }, 'POST /x');
}

const explained = (cause: unknown, takeOver = false) =>
  explainRefusal(cause, refusedLock({ ...context, takeOver }));
const forbidden = (message: string) => refusal(403, 'Forbidden', message);

describe('explainRefusal', () => {
  const user = 'system:serviceaccount:prod:app';
  const where = { namespace: 'prod', lockName: 'my-lock' };
  it.each([
    ['of a service account', user, false, roleYaml({ ...where, takeOver: false, user })],
    ['to take over', user, true, roleYaml({ ...where, takeOver: true, user })],
    ['of a person', 'alice', false, roleYaml({ ...where, takeOver: false })],
  ])('prints the whole Role for a missing right %s', (_, name, takeOver, role) => {
    const message = `configmaps is forbidden: User "${name}" cannot create resource "configmaps"`;
    const cause = forbidden(message);
    const error = explained(cause, takeOver);
    expect(error).toBeInstanceOf(LeaderElectionError);
    const bind = name === 'alice' ? ', and bind the Role to alice' : '';
    expect(error).toMatchObject({
      code: 'ERR_FORBIDDEN',
      message:
        `ConfigMap prod/my-lock: POST /x: 403 Forbidden: ${message}. ` +
        `Allow it with kubectl apply -f - and this input${bind}:\n\n${role}`,
      cause,
    });
    expect(role.includes('nodes')).toBe(takeOver);
  });

  it('puts no text of the API server into the Role', () => {
    const error = explained(forbidden('User "system:serviceaccount:a:b"\nrules: []" cannot'));
    expect((error as Error).message).not.toContain('\nrules: []');
    expect((error as Error).message).not.toContain('---');
  });

  it.each([
    [
      'a quota that is used up',
      'configmaps "my-lock" is forbidden: exceeded quota: few, requested: count/configmaps=1, ' +
        'used: count/configmaps=3, limited: count/configmaps=3',
      'ERR_REJECTED',
      'Quota few of namespace prod is used up. Raise it, or delete something that it counts: ' +
        'kubectl describe quota few -n prod',
    ],
    [
      'a quota that nobody has counted yet',
      'configmaps "my-lock" is forbidden: status unknown for quota: new, resources: count/configmaps',
      'ERR_REJECTED',
      "Quota new of namespace prod allows nothing until Kubernetes' controller manager has counted " +
        'what it limits: kubectl describe quota new -n prod',
    ],
    [
      'no credentials',
      'configmaps is forbidden: User "system:anonymous" cannot create resource "configmaps" in API ' +
        'group "" in the namespace "prod"',
      'ERR_FORBIDDEN',
      'No credentials reached the API server: to it, this process is system:anonymous. Usual causes: ' +
        "the kubeconfig's user has neither a token nor a client certificate; a proxy drops the " +
        'Authorization header; a load balancer ends TLS, and the client certificate with it.',
    ],
    [
      'an impersonation',
      'users "boss" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at ' +
        'the cluster scope',
      'ERR_FORBIDDEN',
      'The kubeconfig has alice act as somebody else, which alice may not. Remove "as" from the ' +
        "kubeconfig's user, or allow alice the verb impersonate.",
    ],
    [
      "a rule of the cluster's authorizer",
      'leases.coordination.k8s.io is forbidden: User "alice" cannot create resource "leases" in API ' +
        'group "coordination.k8s.io" in the namespace "kube-system": GKE Warden authz [denied by ' +
        'managed-namespaces-limitation]: the namespace "kube-system" is managed',
      'ERR_FORBIDDEN',
      "A rule of the cluster's authorizer denies it, which no Role overrides: ask the cluster's " +
        'administrator, or choose another namespace.',
    ],
    [
      'an admission webhook',
      'admission webhook "w.example.com" denied the request: no locks',
      'ERR_REJECTED',
      'Trying again would not help: change what the admission webhook w.example.com objects to, or ' +
        'have it allow this.',
    ],
    [
      'an admission policy',
      "configmaps \"my-lock\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied " +
        'request: no locks',
      'ERR_REJECTED',
      'Trying again would not help: change what the ValidatingAdmissionPolicy p objects to, or have ' +
        'it allow this.',
    ],
    [
      'a reason of its own',
      'configmaps "my-lock" is forbidden: not on Fridays',
      'ERR_FORBIDDEN',
      'This is no right that a Role grants: see what the API server says.',
    ],
  ])('names what no Role mends: %s', (_, message, code, advice) => {
    const cause = forbidden(message);
    const told = `ConfigMap prod/my-lock: POST /x: 403 Forbidden: ${message}. ${advice}`;
    expect(explained(cause)).toBeInstanceOf(LeaderElectionError);
    expect(explained(cause)).toMatchObject({ code, message: told, cause });
  });

  it.each([
    [
      refusal(403, 'Forbidden', 'it is being terminated', ['NamespaceTerminating']),
      'ERR_NAMESPACE_TERMINATING',
      '403 Forbidden: it is being terminated. Namespace prod is being deleted: nothing can be ' +
        'created in it any more.',
    ],
    [
      refusal(404, 'NotFound', 'namespaces "prod" not found', [], 'namespace'),
      'ERR_NAMESPACE_NOT_FOUND',
      '404 NotFound: namespaces "prod" not found. ' +
        'There is no namespace prod. Create it, or correct POD_NAMESPACE or options.namespace.',
    ],
    [
      refusal(422, 'Invalid', 'ConfigMap "my-lock" is invalid'),
      'ERR_REJECTED',
      '422 Invalid: ConfigMap "my-lock" is invalid. ' +
        'Trying again would not help: see what the API server says.',
    ],
    [
      refusal(422, 'Invalid', "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"),
      'ERR_REJECTED',
      "422 Invalid: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no. " +
        'Trying again would not help: change what the ValidatingAdmissionPolicy p objects to, or ' +
        'have it allow this.',
    ],
    [
      refusal(400, 'BadRequest', 'what?'),
      'ERR_REJECTED',
      '400 BadRequest: what?. Trying again would not help: see what the API server says.',
    ],
  ])('gives a code, the object, and what to do: %s', (cause, code, message) => {
    const told = `ConfigMap prod/my-lock: POST /x: ${message}`;
    expect(explained(cause)).toBeInstanceOf(LeaderElectionError);
    expect(explained(cause)).toMatchObject({ code, message: told, cause });
  });

  it.each([
    new NoAnswerError('GET /x', 'broken'),
    new Error('bug'),
    new LeaderElectionError('ERR_TIMEOUT', 'x'),
    'the reason',
    undefined,
  ])('returns what is no refusal: %s', (error) => {
    expect(explained(error)).toBe(error);
  });
});

describe('explainFailure', () => {
  it.each([
    [
      { because: 'foreign-lock', lock: aLock() },
      'ERR_FOREIGN_LOCK',
      'ConfigMap prod/my-lock exists, but no Pod owns it and it was not made by this library, so ' +
        'nobody ever frees it. It was left untouched. Choose another lock name, or, if nothing ' +
        'needs it: kubectl delete configmap my-lock -n prod',
    ],
    [
      { because: 'pod-not-found' },
      'ERR_POD_NOT_FOUND',
      'There is no Pod prod/app-0, which is to own the lock my-lock: the Pod or the namespace does not ' +
        'exist. Set POD_NAME and POD_NAMESPACE from the downward API (fieldPath: metadata.name, ' +
        'metadata.namespace), or correct options.podName and options.namespace. If this Pod was ' +
        'deleted by force, end this process.',
    ],
    [
      { because: 'pod-uid-mismatch', expected: 'told', actual: 'real' },
      'ERR_POD_UID_MISMATCH',
      'Pod prod/app-0 has the UID real, but this process was told told. ' +
        'A lock with the wrong owner would be garbage-collected under its leader. Set POD_UID ' +
        'from the downward API (fieldPath: metadata.uid), or leave it out, as for static Pods, ' +
        'whose downward-API UID is another. If the Pod was replaced, this process must exit.',
    ],
    [
      { because: 'pod-terminating' },
      'ERR_POD_TERMINATING',
      'Pod prod/app-0 is being deleted or has ended, so it does not become the leader of ' +
        'my-lock: it would only cause one more handover.',
    ],
  ] as const)('$because has a code, the names of the objects, and what to do', (...row) => {
    const [failure, code, message] = row;
    const error = explainFailure(failure, context);
    expect(error).toBeInstanceOf(LeaderElectionError);
    expect(error).toMatchObject({ code, message });
  });
});
