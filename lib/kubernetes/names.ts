/** The forms that Kubernetes demands of names (RFC 1123, as `apimachinery` checks them). */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const dnsLabel = new RegExp(`^${LABEL}$`);
const dnsSubdomain = new RegExp(`^${LABEL}(\\.${LABEL})*$`);
const qualifiedName = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Names of namespaces. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && dnsLabel.test(name);
}

/** Names of most objects, including ConfigMaps and Pods. */
export function isDnsSubdomain(name: string): boolean {
  return name.length <= 253 && dnsSubdomain.test(name);
}

/** A key of a label or an annotation: a name, with or without a prefix. */
export function isQualifiedName(key: string): boolean {
  const [name = '', ...rest] = key.split('/').reverse();
  const prefixed = rest.length === 0 || (rest.length === 1 && isDnsSubdomain(rest[0] ?? ''));
  return prefixed && name.length <= 63 && qualifiedName.test(name);
}

export function isLabelValue(value: string): boolean {
  return value === '' || (value.length <= 63 && qualifiedName.test(value));
}

export function isUid(value: string): boolean {
  return /^[-A-Za-z0-9]{1,64}$/.test(value);
}
