import type { AccessRules } from './access.ts';
import { asObject, asText, type JsonObject } from './objects.ts';
import type { Route, Verb } from './route.ts';

/** A `SelfSubjectAccessReview` for attributes of a resource, answered from the rules. */
export function reviewOf(access: AccessRules, user: string, review: JsonObject): JsonObject {
  const spec = asObject(review['spec']);
  const asked = asObject(spec['resourceAttributes']);
  const text = (key: string) => asText(asked[key]);
  const [name, namespace] = [text('name'), text('namespace')];
  const route: Route = {
    // Another verb is granted by `*` only.
    verb: text('verb') as Verb,
    group: text('group'),
    version: 'v1',
    resource: text('resource'),
    subresource: text('subresource'),
    ...(namespace !== '' && { namespace }),
    ...(name !== '' && { name }),
    named: name !== '',
  };
  const allowed = access.refusal(user, route) === undefined;
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: { creationTimestamp: null },
    spec,
    status: { allowed },
  };
}
