import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';

import { methods } from '../../lib/cli/serve/answers.ts';
import { serve } from '../../lib/cli/serve/serve.ts';
import { addressOf } from '../../lib/cli/serve/server.ts';
import { checkOperands, parse } from '../../lib/cli/parse.ts';
import { rbacYaml } from '../../lib/index.ts';
import { root } from '../public/entry-points.ts';

const folder = join(root, 'docs/deploy/sidecar');

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number };
}

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly restartPolicy?: string;
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: unknown;
  readonly spec: {
    readonly selector: Readonly<Record<string, string>>;
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: { readonly initContainers: readonly Container[] };
    };
  };
}

const manifests = (text: string) => loadAllYaml(text) as Manifest[];

const files = readdirSync(folder).filter((name) => name !== 'kustomization.yaml');
const all = files.flatMap((name) => manifests(readFileSync(join(folder, name), 'utf8')));
const deployment = all.find(({ kind }) => kind === 'Deployment');
const sidecar = deployment?.spec.template.spec.initContainers[0];

describe('docs/deploy/sidecar', () => {
  test('lists every file', () => {
    const [{ resources } = { resources: [] }] = loadAllYaml(
      readFileSync(join(folder, 'kustomization.yaml'), 'utf8'),
    ) as { resources: string[] }[];
    expect(resources.toSorted()).toEqual(files.toSorted());
  });

  test('has a native sidecar, so that releasing on SIGTERM is safe', () => {
    expect(sidecar).toMatchObject({ name: 'leader', restartPolicy: 'Always' });
    expect(sidecar?.args).toContain('--release');
  });

  test('starts it with arguments and variables that it takes', () => {
    const [command, ...args] = sidecar?.args ?? [];
    expect(command).toBe('serve');
    const values = sidecar?.env.flatMap(({ name, value }) => (value ? [[name, value]] : [])) ?? [];
    const parsed = parse(serve, args, Object.fromEntries(values) as Record<string, string>);
    checkOperands(serve, parsed);
    expect(parsed.names).toEqual(['app-lock']);
    const port = addressOf(String(parsed.values['http'])).port;
    for (const { httpGet } of [sidecar?.startupProbe, sidecar?.livenessProbe].flatMap(
      (probe) => probe ?? [],
    )) {
      expect(httpGet.port).toBe(port);
      expect(methods[httpGet.path]).toContain('GET');
    }
  });

  test('has a Service that selects the Pod with the label of the leader, and no other', () => {
    const { values } = parse(serve, sidecar?.args.slice(1) ?? [], {});
    const [key = '', value = ''] = String(values['label']).split('=');
    const labels = deployment?.spec.template.metadata.labels;
    const service = all.find(({ kind }) => kind === 'Service');
    expect(service?.spec.selector).toEqual({ ...labels, [key]: value });
    // A Pod that had the label from the start would seem to lead.
    expect(labels).not.toHaveProperty([key]);
  });

  test('grants what the election needs, and nothing else', () => {
    const common = { namespace: 'default', serviceAccount: 'app' };
    const options = { ...common, mode: 'life', label: true } as const;
    const needed = manifests(rbacYaml(['app-lock'], options)).find(({ kind }) => kind === 'Role');
    const granted = all.find(({ kind }) => kind === 'Role');
    expect([granted?.metadata.name, granted?.rules]).toEqual([
      needed?.metadata.name,
      needed?.rules,
    ]);
  });
});
