/** Checks of what tests pass: a misspelt fault would never strike. */
import { type Check, checkProperties, having, matching, typed } from '../checks.ts';
import type { Transport } from '../kubernetes/transport.ts';
import type { Clock } from '../platform/clock.ts';
import { invalidArgument } from '../errors.ts';
import type { PolicyRule } from './access.ts';
import type {
  ClusterLeaseLockOptions,
  ClusterOptions,
  ConfigMapContent,
  DeletePodOptions,
  KubeConfigOptions,
  PodEnding,
  PodOptions,
  ProcessOptions,
  TransportOptions,
} from './cluster-options.ts';
import type { CutOptions, ErrorAnswer, FaultRule, PageAnswer } from './fault-rule.ts';
import type { TlsIdentity } from './tls-identity.ts';
import type { AnsweredMatch, RequestMatch } from './request-record.ts';
import type { ResourceDefinition } from './resource-type.ts';
import type { SimulatedClockOptions } from './simulated-clock-options.ts';

/** Twice as many as Kubernetes supports. */
const MAX_NODES = 10_000;

/** A check for each property that the type has, and for no other. */
type Checks<T> = Readonly<Record<keyof T, Check>>;

const text = typed('string', 'a string');
const named = matching((value) => value !== '', 'a string that is not empty');
const flag = typed('boolean', 'a boolean');
const milliseconds = number((value) => value >= 0, 'a number of milliseconds, 0 or more');
const interval = number((value) => value >= 1, 'a number of milliseconds, 1 or more');
const count = number((value) => value === Infinity || isCount(value), 'a whole number, 0 or more');
const finiteCount = number(isCount, 'a whole number, 0 or more');

const clockMethods = ['now', 'boot', 'date', 'random', 'uuid', 'after'] satisfies (keyof Clock)[];
const clock: Check = having(clockMethods, 'a Clock');

const definition: Checks<ResourceDefinition> = {
  group: text,
  version: named,
  kind: named,
  plural: named,
  namespaced: flag,
};

const identity: Checks<TlsIdentity> = { key: text, cert: text };

const cluster: Checks<ClusterOptions> = {
  clock,
  nodeCount: number(
    (value) => isCount(value) && value <= MAX_NODES,
    `a whole number, 0 to ${MAX_NODES}`,
  ),
  gcDelayMs: milliseconds,
  podShutdownMs: milliseconds,
  bookmarkMs: interval,
  historyLimit: count,
  resources: listOf(withRequired(definition, ['group', 'version', 'kind', 'plural'])),
  http: flag,
  https: withRequired(identity, ['key', 'cert']),
};

const match: Checks<RequestMatch> = {
  user: text,
  verb: (name, value) => {
    const verbs: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const verb of verbs) text(name, verb);
  },
  resource: text,
  subresource: text,
  namespace: text,
  name: text,
};

const answered: Checks<AnsweredMatch> = { ...match, status: finiteCount };

const answer: Checks<ErrorAnswer> = {
  status: number(
    (value) => Number.isInteger(value) && value >= 400 && value <= 599,
    'an HTTP code of a failure, 400 to 599',
  ),
  reason: text,
  message: text,
  retryAfterSeconds: finiteCount,
};

const page: Checks<PageAnswer> = {
  status: number(
    (value) => Number.isInteger(value) && value >= 200 && value <= 599,
    'an HTTP code, 200 to 599',
  ),
  body: text,
  contentType: text,
};

const rule: Checks<FaultRule> = {
  ...match,
  times: count,
  after: count,
  probability: number((value) => value >= 0 && value <= 1, 'a number from 0 to 1'),
  error: withRequired(answer, ['status']),
  page: withRequired(page, ['status']),
  hang: flag,
  reset: flag,
  when: matching((value) => value === 'before' || value === 'after', "'before' or 'after'"),
  latencyMs: delay,
  staleBy: finiteCount,
  freeze: flag,
  cutAfterEvents: finiteCount,
  duplicate: flag,
  reorder: flag,
  eventDelayMs: delay,
};

const pod: Checks<PodOptions> = {
  namespace: text,
  labels: map,
  annotations: map,
  nodeName: text,
  ownerReferences: listOf((name, value) => {
    if (typeof value !== 'object' || value === null)
      throw invalidArgument(name, 'an object', value);
  }),
  containerName: text,
};

const cascades = ['background', 'foreground', 'orphan'];

const deletion: Checks<DeletePodOptions> = {
  gracePeriodSeconds: finiteCount,
  cascade: matching((value) => cascades.includes(value), `one of ${cascades.join(', ')}`),
};

const ending: Checks<PodEnding> = { reason: text, message: text };

const content: Checks<ConfigMapContent> = { data: map, metadata: entriesOf };

const cut: Checks<CutOptions> = { cleanly: flag };

const policy: Checks<PolicyRule> = {
  apiGroups: listOf(text),
  resources: listOf(text),
  verbs: listOf(text),
  resourceNames: listOf(text),
};

const kubeConfig: Checks<KubeConfigOptions> = { user: text, namespace: text };

const process: Checks<ProcessOptions> = {
  user: text,
  clock,
  transport: having(['send', 'close'] satisfies (keyof Transport)[], 'a Transport'),
};

const transport: Checks<TransportOptions> = {
  user: text,
  userAgent: text,
  token: typed('function', 'a function'),
};

const leaseLock: Checks<ClusterLeaseLockOptions> = {
  user: text,
  name: named,
  identity: named,
  namespace: named,
};

const simulatedClock: Checks<SimulatedClockOptions> = {
  seed: number(Number.isSafeInteger, 'a whole number'),
  date: (name, value) => {
    having(['getTime', 'toISOString'], 'a valid Date')(name, value);
    const time: unknown = (value as Date).getTime();
    if (!Number.isFinite(time)) throw invalidArgument(name, 'a valid Date', value);
  },
};

/** Each throws a `TypeError` that names the mistake. */
export const checkClusterOptions = ofObject<ClusterOptions>('options', cluster);
export const checkFaultRule = ofObject<FaultRule>('rule', rule);
export const checkRequestMatch = ofObject<RequestMatch>('match', match);
export const checkAnsweredMatch = ofObject<AnsweredMatch>('match', answered);
export const checkPodOptions = ofObject<PodOptions>('options', pod);
export const checkDeletePodOptions = ofObject<DeletePodOptions>('options', deletion);
export const checkPodEnding = ofObject<PodEnding>('options', ending);
export const checkConfigMapContent = ofObject<ConfigMapContent>('content', content);
export const checkCutOptions = ofObject<CutOptions>('options', cut);
export const checkKubeConfigOptions = ofObject<KubeConfigOptions>('options', kubeConfig);
export const checkProcessOptions = ofObject<ProcessOptions>('options', process);
export const checkTransportOptions = ofObject<TransportOptions>('options', transport);
export const checkSimulatedClockOptions = ofObject<SimulatedClockOptions>(
  'options',
  simulatedClock,
);
export const checkLeaseLockOptions = ofObject<ClusterLeaseLockOptions>('options', leaseLock, [
  'name',
  'identity',
]);

export function checkPolicyRules(value: readonly PolicyRule[]): void {
  listOf(withRequired(policy, ['resources', 'verbs']))('rules', value);
}

/** Limits of a namespace, by what is counted. */
export function checkQuotaLimits(limits: unknown): void {
  for (const [name, value] of entriesOf('limits', limits)) finiteCount(`limits[${name}]`, value);
}

export const checkText: Check = text;
export const checkMilliseconds: Check = milliseconds;
/** A time that can pass, so it is finite. */
export const checkPassing: Check = number(
  (value) => value >= 0 && value < Infinity,
  'a finite number of milliseconds, 0 or more',
);
export const checkFunction: Check = typed('function', 'a function');

function ofObject<T>(
  name: string,
  checks: Checks<T>,
  required: readonly (keyof T & string)[] = [],
): (value: T) => void {
  const check = withRequired(checks, required);
  return (value) => check(name, value);
}

function withRequired<T>(checks: Checks<T>, required: readonly (keyof T & string)[]): Check {
  return (name, value) => {
    const given = checkProperties(name, value, checks);
    for (const key of required) {
      if (given[key] === undefined) checks[key](`${name}.${key}`, undefined);
    }
  };
}

function number(test: (value: number) => boolean, expected: string): Check {
  return (name, value) => {
    if (typeof value !== 'number' || !test(value)) throw invalidArgument(name, expected, value);
  };
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function listOf(check: Check): Check {
  return (name, value) => {
    if (!Array.isArray(value)) throw invalidArgument(name, 'an array', value);
    for (const [index, item] of value.entries()) check(`${name}[${index}]`, item);
  };
}

function map(name: string, value: unknown): void {
  for (const [key, item] of entriesOf(name, value)) text(`${name}[${key}]`, item);
}

function entriesOf(name: string, value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(name, 'an object', value);
  }
  return Object.entries(value);
}

/** Milliseconds, or two bounds. */
function delay(name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    milliseconds(name, value);
    return;
  }
  const [minMs, maxMs] = value as unknown[];
  milliseconds(`${name}[0]`, minMs);
  milliseconds(`${name}[1]`, maxMs);
  if (value.length !== 2 || (minMs as number) > (maxMs as number)) {
    throw invalidArgument(name, 'two bounds, the smaller one first', value);
  }
}
