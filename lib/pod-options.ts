/** The options that concern the Pods of the candidates, and their checks. */
import { type Check, checkLabels, checkProperties, matching } from './checks.ts';
import { invalidArgument } from './errors.ts';
import { isLabelValue, isQualifiedName } from './kubernetes/names.ts';

/** How a leader's Pod is marked. */
export interface PodOptions {
  /**
   * Label for the leader's own Pod, so that a Service can select it: `'key=value'`, or `'key'` for
   * `key=true`. It is set once this candidate leads, after it was removed from the Pods of earlier
   * leaders, and removed before the lock is released. No call waits for it to be set. Nothing else
   * may set this key. Needs the rights to list and patch Pods; without them there is a warning, and
   * the election goes on.
   * @default no label
   */
  readonly label?: string | undefined;
  /**
   * Value of the annotation `controller.kubernetes.io/pod-deletion-cost` of the leader's own Pod, a
   * whole number: a ReplicaSet that shrinks deletes Pods with a lower cost first, and other Pods
   * have 0. It is set and removed like `label`, and needs the right to patch Pods.
   * @default no annotation
   */
  readonly deletionCost?: number | undefined;
  /**
   * Which candidates should lead. A candidate that is not preferred waits up to two seconds before
   * it takes a lock that has become free, if a preferred one exists. It never takes the lock from a
   * leader.
   *
   * - `'newest'`: the Pods of the revision that is being rolled out, by the ReplicaSet's
   *   `pod-template-hash`, the StatefulSet's `controller-revision-hash`, and the youngest Pod.
   * - `{ nodeLabel }`: the Pods on nodes that have all these labels. Needs the right to get nodes.
   * - A function: it is called for each candidate's Pod, and the highest number is preferred. If it
   *   throws or takes longer than a second, there is a warning, and nobody waits any longer.
   *
   * Candidates are the Pods with the same labels. Needs the rights to get and list Pods; without
   * them there is a warning, and nobody waits.
   * @default every candidate is preferred
   */
  readonly preference?:
    | 'newest'
    | { readonly nodeLabel: Readonly<Record<string, string>> }
    | ((pod: CandidatePod) => number | Promise<number>)
    | undefined;
}

/** The Pod of a candidate, for a `preference`. */
export interface CandidatePod {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdAt: Date | undefined;
  /** Undefined until it is scheduled. */
  readonly nodeName: string | undefined;
}

/** A label's key and value. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

/** Reads `'key=value'` or `'key'`. */
export function labelOf(text: string): Label {
  const [key = '', value = 'true'] = text.split(/=(.*)/s, 2);
  return { key, value };
}

const MAX_COST = 2 ** 31;

const checkCost: Check = (name, value) => {
  const isWhole = typeof value === 'number' && Number.isInteger(value);
  if (!isWhole || value < -MAX_COST || value >= MAX_COST) {
    throw invalidArgument(name, `a whole number from ${-MAX_COST} to ${MAX_COST - 1}`, value);
  }
};

const checkPreference: Check = (name, value) => {
  if (value === 'newest' || typeof value === 'function') return;
  if (typeof value !== 'object') {
    throw invalidArgument(name, "'newest', an object with nodeLabel, or a function", value);
  }
  const { nodeLabel } = checkProperties(name, value, { nodeLabel: checkLabels });
  checkLabels(`${name}.nodeLabel`, nodeLabel);
};

const isLabel = (text: string): boolean => {
  const { key, value } = labelOf(text);
  return isQualifiedName(key) && isLabelValue(value);
};

export const podChecks: Readonly<Record<keyof PodOptions, Check>> = {
  label: matching(isLabel, "a label as 'key=value' or 'key'"),
  deletionCost: checkCost,
  preference: checkPreference,
};
