import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import type { DiagnoseOptions, Finding } from '../../lib/index.ts';
import { diagnoseOn } from '../../lib/diagnose/diagnose.ts';
import type { Platform } from '../../lib/platform/platform.ts';
import type { ResourceDefinition } from '../../lib/testing/index.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';

export const USER = 'system:serviceaccount:default:doctor';

const definition = (kind: string): ResourceDefinition => ({
  ...{ group: 'apps', version: 'v1', kind },
  plural: `${kind.toLowerCase()}s`,
});

/** What a diagnosis is to find, and the Pod that it is made for. */
export async function world() {
  const resources = ['Deployment', 'ReplicaSet', 'StatefulSet'].map(definition);
  const simulation = await Simulation.withPods({ resources });
  const { cluster } = simulation;
  const platform = new SimulatedSurroundings(simulation, USER);
  const diagnosis = async (
    mode: 'life' | 'lease' = 'life',
    options: DiagnoseOptions = {},
    on: Platform = platform,
  ) => {
    const found: Finding[] = [];
    const run = async () => {
      const place = { kubeConfig, namespace: 'default' };
      const name = mode === 'life' ? 'lock' : 'lease';
      for await (const each of diagnoseOn(on, mode, name, { ...place, ...options })) {
        found.push(each);
      }
    };
    const running = run();
    running.catch(() => undefined);
    if (!('kubeConfig' in options)) await simulation.settled(running);
    else await ticking(simulation, running);
    return found;
  };
  const create = (kind: string, metadata: object, spec: object) => {
    const path = `/apis/apps/v1/namespaces/default/${kind.toLowerCase()}s`;
    const { body } = cluster.request('POST', path, { kind, apiVersion: 'apps/v1', metadata, spec });
    return (body as { metadata: { name: string; uid: string } }).metadata;
  };
  return {
    simulation,
    cluster,
    platform,
    diagnosis,
    /** A Pod `app` of a Deployment. */
    deploy: ({ deployment = {}, pod = {} }: { deployment?: object; pod?: object }) => {
      const top = create('Deployment', { name: 'app' }, { replicas: 3, ...deployment });
      const ownerReferences = [ownerOf('Deployment', top)];
      const set = create('ReplicaSet', { name: 'app-1', ownerReferences }, {});
      const metadata = { name: 'app', ownerReferences: [ownerOf('ReplicaSet', set)] };
      const spec = { containers: [{ name: 'main' }], ...pod };
      cluster.request('POST', '/api/v1/namespaces/default/pods', { metadata, spec });
    },
  };
}

/** Files are read in real time, of which the simulated clock knows nothing. */
async function ticking(simulation: Simulation, running: Promise<void>): Promise<void> {
  const over = new AbortController();
  running.then(
    () => over.abort(),
    () => over.abort(),
  );
  while (!over.signal.aborted) {
    await new Promise(setImmediate);
    await simulation.clock.advance(1);
  }
  await running;
}

function ownerOf(kind: string, { name, uid }: { name: string; uid: string }) {
  return { apiVersion: 'apps/v1', kind, name, uid, controller: true };
}

/** The same platform, in a Pod: with these variables, and a token with these claims. */
export function inPod(
  platform: Platform,
  variables: Readonly<Record<string, string>>,
  token: object | string,
): Platform {
  const root = mkdtempSync(join(tmpdir(), 'pod-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
  mkdirSync(folder, { recursive: true });
  const payload = Buffer.from(JSON.stringify(token)).toString('base64url');
  writeFileSync(join(folder, 'token'), typeof token === 'string' ? token : `head.${payload}.sign`);
  writeFileSync(join(folder, 'ca.crt'), 'an authority');
  writeFileSync(join(folder, 'namespace'), 'default');
  const place = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const environment = { variables: { ...place, ...variables }, root };
  return {
    environment,
    clock: platform.clock,
    elections: platform.elections,
    unconfirmed: platform.unconfirmed,
    predecessors: platform.predecessors,
    warn: platform.warn,
    connect: (credentials) => platform.connect(credentials),
  };
}
