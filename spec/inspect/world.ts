import type { InspectOptions } from '../../lib/index.ts';
import { inspectOn, listLocksOn } from '../../lib/inspect/inspect.ts';
import { type StepDownOptions, requestStepDownOn } from '../../lib/inspect/step-down.ts';
import type { FaultRule } from '../../lib/testing/index.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';

export const USER = 'system:serviceaccount:default:viewer';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

/** A cluster with the Pods `a`, `b` and `c`, and the functions under test in a process of it. */
export async function world() {
  const simulation = await Simulation.withPods();
  const { clock, cluster } = simulation;
  const platform = new SimulatedSurroundings(simulation, USER);
  const place = { kubeConfig, namespace: 'default' };
  const settled = <T>(promise: Promise<T>) => simulation.settled(promise);
  /** The calls themselves, for specs in which something happens meanwhile. */
  const start = {
    inspectLock: (options: InspectOptions = {}) =>
      unhandled(inspectOn(platform, 'life', 'lock', { ...place, ...options })),
    inspectLease: (options: InspectOptions = {}) =>
      unhandled(inspectOn(platform, 'lease', 'lease', { ...place, ...options })),
    listLocks: (options: InspectOptions = {}) =>
      unhandled(listLocksOn(platform, { ...place, ...options })),
    stepDown: (mode: 'life' | 'lease', options: StepDownOptions = {}) => {
      const name = mode === 'life' ? 'lock' : 'lease';
      return unhandled(requestStepDownOn(platform, mode, name, { ...place, ...options }));
    },
  };
  return {
    simulation,
    cluster,
    clock,
    platform,
    start,
    inspectLock: (options?: InspectOptions) => settled(start.inspectLock(options)),
    inspectLease: (options?: InspectOptions) => settled(start.inspectLease(options)),
    listLocks: (options?: InspectOptions) => settled(start.listLocks(options)),
    stepDown: (mode: 'life' | 'lease', options?: StepDownOptions) =>
      settled(start.stepDown(mode, options)),
    /** Stores a Lease, renewed just now. */
    hold: (holderIdentity: string, spec: object = {}, name = 'lease') => {
      const now = new Date(clock.date()).toISOString().replace('Z', '000Z');
      const given = { holderIdentity, leaseDurationSeconds: 15, acquireTime: now, renewTime: now };
      const body = { metadata: { name }, spec: { ...given, leaseTransitions: 3, ...spec } };
      const answer = cluster.request('POST', LEASES, body);
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    },
    patchLease: (body: object) =>
      cluster.request('PATCH', `${LEASES}/lease`, body, 'application/merge-patch+json'),
    fault: (rule: FaultRule) => simulation.fault(rule),
  };
}

/** The same promise, whose rejection may be handled later. */
function unhandled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
