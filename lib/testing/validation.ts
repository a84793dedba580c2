import { asObject, type KubeObject, type ObjectMeta, type OwnerReference } from './objects.ts';
import { forbiddenValue, invalidValue, type FieldProblem } from './status.ts';

const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED})?`;
const CONFIG_KEY = '[-._a-zA-Z0-9]+';

const whole = (pattern: string) => new RegExp(`^${pattern}$`);
const isSubdomain = whole(SUBDOMAIN);
const isLabel = whole(LABEL);
const isQualified = whole(QUALIFIED);
const isLabelValue = whole(LABEL_VALUE);
const isConfigKey = whole(CONFIG_KEY);

const SUBDOMAIN_RULE = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
const LABEL_RULE = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
const QUALIFIED_RULE = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`;
const CONFIG_KEY_RULE = `a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '${CONFIG_KEY}')`;

/** What the API server says against a label's value. */
export const LABEL_VALUE_RULE = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '${LABEL_VALUE}')`;

/** Whether a text may stand as a label's value. */
export function isValidLabelValue(value: string): boolean {
  return value.length <= 63 && isLabelValue.test(value);
}

function tooLong(limit: number): string {
  return `must be no more than ${limit} characters`;
}

function nameProblems(kind: string, name: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const limit = kind === 'Namespace' ? 63 : 253;
  if (kind === 'Namespace' && name.includes('.')) {
    return [invalidValue('metadata.name', name, 'must not contain dots')];
  }
  if (name.length > limit) problems.push(invalidValue('metadata.name', name, tooLong(limit)));
  const rule = kind === 'Namespace' ? LABEL_RULE : SUBDOMAIN_RULE;
  const fits = kind === 'Namespace' ? isLabel.test(name) : isSubdomain.test(name);
  if (!fits) problems.push(invalidValue('metadata.name', name, rule));
  return problems;
}

/** What is wrong with a label's key, in the words of the API server. */
function keyFaults(key: string): string[] {
  const [name = '', prefix, ...others] = key.split('/').toReversed();
  if (others.length > 0) {
    const form = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    return [`a valid label key ${QUALIFIED_RULE} ${form}`];
  }
  const faults: string[] = [];
  if (prefix === '') {
    faults.push('prefix part must be non-empty');
  } else if (prefix !== undefined) {
    if (prefix.length > 253) faults.push('prefix part must be no more than 253 bytes');
    if (!isSubdomain.test(prefix)) faults.push(`prefix part ${SUBDOMAIN_RULE}`);
  }
  if (name === '') faults.push('name part must be non-empty');
  else if (name.length > 63) faults.push('name part must be no more than 63 bytes');
  if (!isQualified.test(name)) faults.push(`name part ${QUALIFIED_RULE}`);
  return faults;
}

function labelProblems(labels: Readonly<Record<string, string>>): FieldProblem[] {
  const field = 'metadata.labels';
  return Object.entries(labels).flatMap(([key, value]) => [
    ...keyFaults(key).map((fault) => invalidValue(field, key, fault)),
    ...(isValidLabelValue(value) ? [] : [invalidValue(field, value, LABEL_VALUE_RULE)]),
  ]);
}

function annotationProblems(annotations: Readonly<Record<string, string>>): FieldProblem[] {
  return Object.keys(annotations).flatMap((key) =>
    keyFaults(key.toLowerCase()).map((fault) => invalidValue('metadata.annotations', key, fault)),
  );
}

function ownerProblems(owners: readonly OwnerReference[]): FieldProblem[] {
  const field = 'metadata.ownerReferences';
  const problems: FieldProblem[] = [];
  const filled = owners.map((owner) => ({ ...owner, apiVersion: owner.apiVersion || '' }));
  for (const owner of filled) {
    const check = (part: 'apiVersion' | 'kind' | 'name' | 'uid', why: string) => {
      if (!owner[part]) problems.push(invalidValue(`${field}.${part}`, '', why));
    };
    check('apiVersion', 'version must not be empty');
    check('kind', 'must not be empty');
    check('name', 'must not be empty');
    check('uid', 'must not be empty');
  }
  const controllers = filled.filter((owner) => owner.controller);
  if (controllers.length > 1) {
    const names = controllers.map(({ kind, name }) => `${kind}/${name}`).join(' and ');
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${names}`;
    problems.push(invalidValue(field, filled, why));
  }
  return problems;
}

const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

function finalizerProblems(finalizers: readonly string[]): FieldProblem[] {
  return finalizers.flatMap((finalizer, index) =>
    finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)
      ? []
      : [
          invalidValue(
            `metadata.finalizers[${index}]`,
            finalizer,
            'name is neither a standard finalizer name nor is it fully qualified',
          ),
        ],
  );
}

/** What the API server finds wrong with an object's metadata. */
export function metadataProblems(object: KubeObject): FieldProblem[] {
  const { name, labels, annotations, ownerReferences, finalizers } = object.metadata;
  if (!name) {
    const message = 'Required value: name or generateName is required';
    return [{ field: 'metadata.name', message, reason: 'FieldValueRequired' }];
  }
  return [
    ...nameProblems(object.kind, name),
    ...labelProblems(labels ?? {}),
    ...annotationProblems(annotations ?? {}),
    ...ownerProblems(ownerReferences ?? []),
    ...finalizerProblems(finalizers ?? []),
  ];
}

/** What the API server finds wrong with a change of an object's metadata. */
export function updateProblems(next: ObjectMeta, previous: ObjectMeta): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const field of ['uid', 'deletionTimestamp'] as const) {
    const value = next[field];
    if (value !== previous[field]) {
      problems.push(invalidValue(`metadata.${field}`, value, 'field is immutable'));
    }
  }
  const added = (next.finalizers ?? []).filter((name) => !previous.finalizers?.includes(name));
  if (previous.deletionTimestamp !== undefined && added.length > 0) {
    const list = added.map((name) => `"${name}"`).join(', ');
    const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
    problems.push(forbiddenValue('metadata.finalizers', why));
  }
  // The API server looks twice, and lists what it finds as often.
  return [...problems, ...problems];
}

/** What the API server finds wrong with a ConfigMap's content. */
export function configMapProblems(object: KubeObject): FieldProblem[] {
  return ['data', 'binaryData'].flatMap((field) =>
    Object.keys(asObject(object[field]))
      .filter((key) => !isConfigKey.test(key))
      .map((key) => invalidValue(`${field}[${key}]`, key, CONFIG_KEY_RULE)),
  );
}

/** What the API server finds wrong with a Lease's content. */
export function leaseProblems(object: KubeObject): FieldProblem[] {
  const spec = asObject(object['spec']);
  const { leaseDurationSeconds: duration, leaseTransitions: transitions } = spec;
  const problems: FieldProblem[] = [];
  if (typeof duration === 'number' && duration <= 0) {
    problems.push(invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
  }
  if (typeof transitions === 'number' && transitions < 0) {
    const why = 'must be greater than or equal to 0';
    problems.push(invalidValue('spec.leaseTransitions', transitions, why));
  }
  if (spec['preferredHolder'] && !spec['strategy']) {
    problems.push(
      forbiddenValue('spec.preferredHolder', 'may only be specified if `strategy` is defined'),
    );
  }
  return problems;
}

/** What the API server finds wrong with a Pod's content. */
export function podProblems(object: KubeObject): FieldProblem[] {
  const { containers } = asObject(object['spec']);
  if (Array.isArray(containers) && containers.length > 0) return [];
  return [{ field: 'spec.containers', message: 'Required value', reason: 'FieldValueRequired' }];
}
