import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type V1Container, type V1Deployment, loadAllYaml } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { allCommands } from '../../lib/cli/commands.ts';
import { checkOperands, parse } from '../../lib/cli/parse.ts';
import { rbacYaml } from '../../lib/index.ts';
import { read, root } from '../public/project.ts';

interface Manifest {
  readonly kind?: string;
  readonly metadata?: { readonly name: string };
  readonly rules?: unknown;
  readonly resources?: readonly string[];
}

const load = (text: string) => loadAllYaml(text) as Manifest[];

describe.each([
  ['wrapper', 'lease', 'run'],
  ['init-container', 'life', 'wait'],
  ['library', 'life', undefined],
] as const)('docs/deploy/%s', (shape, mode, name) => {
  const folder = `docs/deploy/${shape}`;
  const files = readdirSync(join(root, folder)).filter((file) => file !== 'kustomization.yaml');
  const all = files.flatMap((file) => load(read(`${folder}/${file}`)));
  const deployment = all.find(({ kind }) => kind === 'Deployment') as V1Deployment | undefined;
  const pod = deployment?.spec?.template.spec;
  const containers: V1Container[] = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];
  const [candidate] = containers;

  it('lists every file', () => {
    const [kustomization] = load(read(`${folder}/kustomization.yaml`));
    expect(kustomization?.resources?.toSorted()).toEqual(files.toSorted());
  });

  it('grants what the election needs, and nothing else', () => {
    const options = { mode, namespace: 'default', serviceAccount: 'app' } as const;
    const needed = load(rbacYaml(['app-lock'], options)).find(({ kind }) => kind === 'Role');
    const granted = all.find(({ kind }) => kind === 'Role');
    expect([granted?.metadata?.name, granted?.rules]).toEqual([
      needed?.metadata?.name,
      needed?.rules,
    ]);
  });

  it('tells the candidate which Pod it is, and spreads the Pods', () => {
    expect(candidate?.env?.map((variable) => variable.name)).toEqual([
      'POD_NAME',
      'POD_UID',
      'POD_NAMESPACE',
    ]);
    expect(pod?.serviceAccountName).toBe('app');
    expect(pod?.topologySpreadConstraints).toHaveLength(1);
  });

  it('runs as no root, on a root that is read-only', () => {
    for (const { securityContext } of containers) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true, readOnlyRootFilesystem: true });
    }
  });

  // The library has no command.
  if (name === undefined) return;

  it('starts a command with arguments that it takes', async () => {
    const [first, ...args] = candidate?.args ?? [];
    expect(first).toBe(name);
    const command = (await allCommands()).find((each) => each.name === name);
    if (!command) throw new Error('there is no such command');
    const parsed = parse(command, args, {});
    checkOperands(command, parsed);
    expect(parsed.names).toEqual(['app-lock']);
    expect(parsed.values['lease'] ?? false).toBe(mode === 'lease');
  });
});
