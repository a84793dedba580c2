import { setTimeout as sleep } from 'node:timers/promises';
import {
  AdmissionregistrationV1Api,
  FlowcontrolApiserverV1Api,
  KubeConfig,
  type V1RuleWithOperations,
} from '@kubernetes/client-node';
import type { ErrorCode } from '../../lib/errors.ts';
import { Wire } from '../contract/wire.ts';
import type { Luck } from '../simulate/luck.ts';
import { Access } from './access.ts';
import { insist } from './insist.ts';
import { turnedAway } from './recovery.ts';
import type { FaultKind, Stage } from './stage.ts';
import { isOneOf } from './crew.ts';

const GROUP = 'policies';
/** Number of requests that the flood has under way at a time. */
const FLOOD = 30;
const PAUSE_MS = 20;
/** How long the API server remembers a good token. */
const TOKEN_MEMORY_MS = 10_000;

/** What the candidates write, and only what they write. */
const RULES: readonly V1RuleWithOperations[] = [
  ['', 'configmaps'],
  ['coordination.k8s.io', 'leases'],
].map(([group = '', resource = '']) => ({
  apiGroups: [group],
  apiVersions: ['v1'],
  resources: [resource],
  operations: ['CREATE', 'UPDATE', 'DELETE'],
}));

/** A change of the world, which is taken back whatever happens. */
interface Change {
  /** Its objects, in the order in which they are made. */
  readonly make: readonly (() => Promise<unknown>)[];
  readonly undo: readonly (() => Promise<unknown>)[];
  readonly lasts?: () => Promise<unknown>;
  /** Whom it strikes: all processes, if not said. The Pods have another account. */
  readonly strikes?: (identity: string) => boolean;
}

function policy(
  name: string,
  codes: readonly ErrorCode[],
  change: (stage: Stage, luck: Luck) => Change | Promise<Change>,
): FaultKind {
  return {
    name,
    group: GROUP,
    play: async (stage, luck) => {
      const { make, undo, lasts, strikes } = await change(stage, luck);
      const end = stage.chronicle.begin({
        kind: name,
        target: 'candidates',
        elections: stage.crews.map((crew) => crew.name),
        ...(strikes && { strikes }),
        effects: turnedAway,
        codes: ['ERR_RELEASE_FAILED', ...codes],
      });
      try {
        for (const step of make)
          await insist(`beginning: ${name}`, () => step().catch(unless(409)));
        await (lasts ? lasts() : sleep(luck.integer(2_000, 9_000)));
      } finally {
        for (const step of undo) await insist(`ending: ${name}`, () => step().catch(unless(404)));
        end();
      }
    },
  };
}

/** What is to be there may be, what is to be gone may be gone: an attempt that failed may have succeeded. */
function unless(code: number): (error: unknown) => void {
  return (error) => {
    if ((error as { code?: number }).code !== code) throw error;
  };
}

function admission({ scene }: Stage) {
  const user = `system:serviceaccount:${scene.namespace}:candidate`;
  return {
    api: scene.kubeConfig.makeApiClient(AdmissionregistrationV1Api),
    name: `${scene.namespace}.chaos.test`,
    matchConditions: [
      { name: 'of-candidates', expression: `request.userInfo.username == '${user}'` },
    ],
  };
}

const unreachableWebhook = policy('webhook unreachable', [], (stage) => {
  const { api, name, matchConditions } = admission(stage);
  const webhook = {
    name,
    // Nobody listens there.
    clientConfig: { url: 'https://127.0.0.1:1/' },
    failurePolicy: 'Fail',
    timeoutSeconds: 1,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    matchConditions,
    rules: [...RULES],
  };
  const body = { metadata: { name }, webhooks: [webhook] };
  return {
    make: [() => api.createValidatingWebhookConfiguration({ body })],
    undo: [() => api.deleteValidatingWebhookConfiguration({ name })],
  };
});

/** A denial is final, and ends a candidate that does not lead yet. */
const denyingPolicy = policy('policy denies', ['ERR_REJECTED'], (stage) => {
  const { api, name, matchConditions } = admission(stage);
  const metadata = { name };
  const denial = {
    metadata,
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: [...RULES] },
      matchConditions,
      validations: [{ expression: 'false', message: 'not now' }],
    },
  };
  const binding = { metadata, spec: { policyName: name, validationActions: ['Deny'] } };
  return {
    make: [
      () => api.createValidatingAdmissionPolicy({ body: denial }),
      () => api.createValidatingAdmissionPolicyBinding({ body: binding }),
    ],
    undo: [
      () => api.deleteValidatingAdmissionPolicyBinding({ name }),
      () => api.deleteValidatingAdmissionPolicy({ name }),
    ],
  };
});

const revokedTokens = policy('tokens revoked', [], ({ crews }, luck) => {
  const berths = crews.flatMap((crew) => crew.berths).filter(() => luck.chance(0.7));
  return {
    make: berths.map(
      ({ access }) =>
        () =>
          access.revoke(),
    ),
    undo: berths.map(
      ({ access }) =>
        () =>
          access.issue(),
    ),
    lasts: () => sleep(TOKEN_MEMORY_MS + luck.integer(2_000, 8_000)),
    strikes: isOneOf(berths),
  };
});

/** The candidates' requests wait behind a flood for almost no seats, or have none at all. */
const starvation = policy('priority and fairness starves', [], async (stage, luck) => {
  const { scene } = stage;
  const api = scene.kubeConfig.makeApiClient(FlowcontrolApiserverV1Api);
  const name = `${scene.namespace}-chaos`;
  const metadata = { name };
  const limitResponse = luck.chance(0.5)
    ? { type: 'Reject' }
    : { type: 'Queue', queuing: { queues: 1, handSize: 1, queueLengthLimit: FLOOD / 2 } };
  const limited = {
    nominalConcurrencyShares: luck.pick([0, 1]),
    lendablePercent: 0,
    borrowingLimitPercent: 0,
    limitResponse,
  };
  const account = { name: 'candidate', namespace: scene.namespace };
  const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] };
  const subjects = [{ kind: 'ServiceAccount', serviceAccount: account }];
  const schema = {
    metadata,
    spec: {
      matchingPrecedence: 100,
      priorityLevelConfiguration: { name },
      distinguisherMethod: { type: 'ByUser' },
      rules: [{ subjects, resourceRules: [all] }],
    },
  };
  const flood = await Flood.open(stage);
  const level = { metadata, spec: { type: 'Limited', limited } };
  return {
    make: [
      () => api.createPriorityLevelConfiguration({ body: level }),
      () => api.createFlowSchema({ body: schema }),
    ],
    undo: [
      () => api.deleteFlowSchema({ name }),
      () => api.deletePriorityLevelConfiguration({ name }),
    ],
    lasts: () => flood.rage(luck.integer(2_000, 9_000)),
  };
});

/** Many requests at a time, by the account of the candidates. */
class Flood {
  readonly #wire: Wire;
  readonly #path: string;

  private constructor(wire: Wire, path: string) {
    this.#wire = wire;
    this.#path = path;
  }

  static async open({ scene }: Stage): Promise<Flood> {
    const access = await insist('a token for the flood', () => Access.open(scene, 'flood'));
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(access.path);
    return new Flood(await Wire.of(kubeConfig), `/api/v1/namespaces/${scene.namespace}/pods`);
  }

  async rage(forMs: number): Promise<void> {
    const deadline = performance.now() + forMs;
    const one = async (): Promise<void> => {
      while (performance.now() < deadline) {
        const status = await this.#wire.send('GET', this.#path).then(
          (answer) => answer.status,
          () => 0,
        );
        // Whoever is turned away does not take the machine's time instead.
        if (status !== 200) await sleep(PAUSE_MS);
      }
    };
    await Promise.all(Array.from({ length: FLOOD }, one));
  }
}

export const policyFaults: readonly FaultKind[] = [
  unreachableWebhook,
  denyingPolicy,
  revokedTokens,
  starvation,
];
