import { execFileSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import { nameOf, runtimePackages } from './dependencies.ts';
import { read, root } from './project.ts';

interface Bom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly object[];
  readonly licenses?: readonly object[];
}

describe('the bill of materials of a release', () => {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 } as const;
  const printed = execFileSync(process.execPath, ['.config/sbom.js'], options);
  const { bomFormat, metadata, components, dependencies } = JSON.parse(printed) as Bom;

  it('lists every package that users get, and no other', () => {
    const listed = components.map(({ name, version }) => `${name}@${version}`);
    const expected = runtimePackages().map(([path, { version }]) => `${nameOf(path)}@${version}`);
    expect(listed.toSorted()).toEqual(expected.toSorted());
    expect([bomFormat, metadata.component.name]).toEqual(['CycloneDX', 'leader-for-life']);
  });

  it('has the hash and the licence of each, and what each depends on', () => {
    const bare = components.filter(({ hashes, licenses }) => !hashes?.length || !licenses?.length);
    expect(bare).toEqual([]);
    const refs = new Set([metadata.component, ...components].map((each) => each['bom-ref']));
    expect(new Set(dependencies.map(({ ref }) => ref))).toEqual(refs);
    const dangling = dependencies.flatMap(({ dependsOn }) =>
      dependsOn.filter((on) => !refs.has(on)),
    );
    expect(dangling).toEqual([]);
    const own = dependencies.find(({ ref }) => ref === metadata.component['bom-ref'])?.dependsOn;
    expect(own?.map((on) => on.replace(/@[^@]*$/, '')).toSorted()).toEqual([
      '@kubernetes/client-node',
      'debug',
      'p-retry',
    ]);
  });

  it('is made by the release', () => {
    expect(read('.github/workflows/release.yml')).toContain('run: node .config/sbom.js >');
  });
});
