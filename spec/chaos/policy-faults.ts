import { setTimeout as sleep } from 'node:timers/promises';
import {
  AdmissionregistrationV1Api,
  FlowcontrolApiserverV1Api,
  KubeConfig,
  type V1RuleWithOperations,
} from '@kubernetes/client-node';
import type { ErrorCode } from '../../lib/errors.ts';
import { Wire } from '../contract/wire.ts';
import { unlessNotFound } from '../lab/pods.ts';
import { Access } from './access.ts';
import { insist } from './insist.ts';
import { turnedAway } from './recovery.ts';
import type { FaultKind, Stage } from './stage.ts';
import { isOneOf } from './crew.ts';

const GROUP = 'policies';
/** Who floods the API server asks so many things at a time. */
const FLOOD = 30;
const PAUSE_MS = 20;
/** The API server remembers a good token for so long. */
const TOKEN_MEMORY_MS = 10_000;

const CODES: readonly ErrorCode[] = ['ERR_RELEASE_FAILED'];

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

/** Has the world so for a while, and then again as it was, whatever happens. */
async function whileSo(
  stage: Stage,
  kind: string,
  codes: readonly ErrorCode[],
  change: {
    make: () => Promise<void>;
    undo: () => Promise<void>;
    lasts: () => Promise<unknown>;
    /** Whom it strikes: all processes, if not said. The Pods have another account. */
    strikes?: (identity: string) => boolean;
  },
): Promise<void> {
  const end = stage.chronicle.begin({
    kind,
    target: 'candidates',
    elections: stage.crews.map(({ name }) => name),
    ...(change.strikes && { strikes: change.strikes }),
    effects: turnedAway,
    codes,
  });
  try {
    await insist(`beginning: ${kind}`, change.make);
    await change.lasts();
  } finally {
    await insist(`ending: ${kind}`, change.undo);
    end();
  }
}

function userOf({ scene }: Stage): string {
  return `system:serviceaccount:${scene.namespace}:candidate`;
}

function ofCandidates(stage: Stage) {
  const expression = `request.userInfo.username == '${userOf(stage)}'`;
  return [{ name: 'of-candidates', expression }];
}

const unreachableWebhook: FaultKind = {
  name: 'webhook unreachable',
  group: GROUP,
  play: async (stage, luck) => {
    const api = stage.scene.kubeConfig.makeApiClient(AdmissionregistrationV1Api);
    const name = `${stage.scene.namespace}.chaos.test`;
    const webhook = {
      name,
      // Nobody listens there.
      clientConfig: { url: 'https://127.0.0.1:1/' },
      failurePolicy: 'Fail',
      timeoutSeconds: 1,
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      matchConditions: ofCandidates(stage),
      rules: [...RULES],
    };
    await whileSo(stage, unreachableWebhook.name, CODES, {
      make: async () => {
        const body = { metadata: { name }, webhooks: [webhook] };
        await api.createValidatingWebhookConfiguration({ body }).catch(unlessConflict);
      },
      undo: async () => {
        await api.deleteValidatingWebhookConfiguration({ name }).catch(unlessNotFound);
      },
      lasts: () => sleep(luck.integer(2_000, 9_000)),
    });
  },
};

const denyingPolicy: FaultKind = {
  name: 'policy denies',
  group: GROUP,
  play: async (stage, luck) => {
    const api = stage.scene.kubeConfig.makeApiClient(AdmissionregistrationV1Api);
    const name = `${stage.scene.namespace}.chaos.test`;
    const policy = {
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [...RULES] },
        matchConditions: ofCandidates(stage),
        validations: [{ expression: 'false', message: 'not now' }],
      },
    };
    const binding = {
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    };
    // A denial is final, and ends who does not lead yet.
    await whileSo(stage, denyingPolicy.name, [...CODES, 'ERR_REJECTED'], {
      make: async () => {
        await api.createValidatingAdmissionPolicy({ body: policy }).catch(unlessConflict);
        await api.createValidatingAdmissionPolicyBinding({ body: binding }).catch(unlessConflict);
      },
      undo: async () => {
        await api.deleteValidatingAdmissionPolicyBinding({ name }).catch(unlessNotFound);
        await api.deleteValidatingAdmissionPolicy({ name }).catch(unlessNotFound);
      },
      lasts: () => sleep(luck.integer(2_000, 9_000)),
    });
  },
};

const revokedTokens: FaultKind = {
  name: 'tokens revoked',
  group: GROUP,
  play: async (stage, luck) => {
    const berths = stage.crews.flatMap((crew) => crew.berths).filter(() => luck.chance(0.7));
    await whileSo(stage, revokedTokens.name, CODES, {
      make: async () => {
        for (const { access } of berths) await access.revoke();
      },
      undo: async () => {
        for (const { access } of berths) await access.issue();
      },
      lasts: () => sleep(TOKEN_MEMORY_MS + luck.integer(2_000, 8_000)),
      strikes: isOneOf(berths),
    });
  },
};

/** The candidates' requests wait behind a flood for almost no seats, or have none at all. */
const starvation: FaultKind = {
  name: 'priority and fairness starves',
  group: GROUP,
  play: async (stage, luck) => {
    const { scene } = stage;
    const api = scene.kubeConfig.makeApiClient(FlowcontrolApiserverV1Api);
    const name = `${scene.namespace}-chaos`;
    const limitResponse = luck.chance(0.5)
      ? { type: 'Reject' }
      : { type: 'Queue', queuing: { queues: 1, handSize: 1, queueLengthLimit: FLOOD / 2 } };
    const level = {
      metadata: { name },
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: luck.pick([0, 1]),
          lendablePercent: 0,
          borrowingLimitPercent: 0,
          limitResponse,
        },
      },
    };
    const account = { name: 'candidate', namespace: scene.namespace };
    const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] };
    const schema = {
      metadata: { name },
      spec: {
        matchingPrecedence: 100,
        priorityLevelConfiguration: { name },
        distinguisherMethod: { type: 'ByUser' },
        rules: [
          {
            subjects: [{ kind: 'ServiceAccount', serviceAccount: account }],
            resourceRules: [all],
          },
        ],
      },
    };
    const flood = await Flood.open(stage);
    await whileSo(stage, starvation.name, CODES, {
      make: async () => {
        await api.createPriorityLevelConfiguration({ body: level }).catch(unlessConflict);
        await api.createFlowSchema({ body: schema }).catch(unlessConflict);
      },
      undo: async () => {
        await api.deleteFlowSchema({ name }).catch(unlessNotFound);
        await api.deletePriorityLevelConfiguration({ name }).catch(unlessNotFound);
      },
      lasts: () => flood.rage(luck.integer(2_000, 9_000)),
    });
  },
};

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

function unlessConflict(error: unknown): void {
  if ((error as { code?: number }).code !== 409) throw error;
}

export const policyFaults: readonly FaultKind[] = [
  unreachableWebhook,
  denyingPolicy,
  revokedTokens,
  starvation,
];
