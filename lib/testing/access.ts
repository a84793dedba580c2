import type { Route } from './route.ts';
import { forbidden, type ApiError } from './status.ts';

/** A rule of a `Role` or `ClusterRole`; `*` stands for everything. */
export interface PolicyRule {
  /** @default `['']`, the core group */
  readonly apiGroups?: readonly string[];
  /** Plural names; a subresource as in `pods/status`. */
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Grant {
  readonly scope: string;
  readonly rule: PolicyRule;
}

/** User of a request without a token. */
export const ANONYMOUS = 'system:anonymous';

function includes(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}

function allows({ scope, rule }: Grant, route: Route): boolean {
  const { resource, subresource, namespace, name } = route;
  const target = subresource ? `${resource}/${subresource}` : resource;
  return (
    (scope === '*' || scope === namespace) &&
    includes(rule.apiGroups ?? [''], route.group) &&
    includes(rule.resources, target) &&
    includes(rule.verbs, route.verb) &&
    // A POST does not name its object to the authorizer, so a rule with names never allows it.
    (!rule.resourceNames || (name !== undefined && rule.resourceNames.includes(name)))
  );
}

/** The rights of users. A user to whom nothing was ever granted or denied may do everything. */
export class AccessRules {
  readonly #grants = new Map<string, Grant[]>([[ANONYMOUS, []]]);

  /** Adds rules for a user, in one namespace or, with the scope `*`, in the whole cluster. */
  grant(user: string, rules: readonly PolicyRule[], scope: string): void {
    const grants = this.#grants.get(user) ?? [];
    this.#grants.set(user, [...grants, ...rules.map((rule) => ({ scope, rule }))]);
  }

  /** Revokes everything that was granted to a user. */
  revoke(user: string): void {
    this.#grants.set(user, []);
  }

  /** Whether a user is limited to what was granted. */
  isRestricted(user: string): boolean {
    return this.#grants.has(user);
  }

  /** The refusal that the request deserves, if any. */
  refusal(user: string, route: Route): ApiError | undefined {
    const grants = this.#grants.get(user);
    if (!grants || grants.some((grant) => allows(grant, route))) return undefined;
    const { verb, group, resource, subresource, namespace, name } = route;
    const target = subresource ? `${resource}/${subresource}` : resource;
    const where =
      namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    const what = `${verb} resource "${target}" in API group "${group}"`;
    const why = `User "${user}" cannot ${what} ${where}`;
    return forbidden({ group, kind: resource, name }, why);
  }
}
