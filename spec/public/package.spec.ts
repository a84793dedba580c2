import { describe, expect, it } from 'vitest';
import { version } from '../../lib/version.ts';
import {
  type Locked,
  lockedPackages,
  nameOf,
  page,
  permissive,
  runtimePackages,
} from './dependencies.ts';
import { entryPoints, read, root } from './project.ts';

const manifest = JSON.parse(read('package.json')) as Record<string, unknown> & {
  readonly scripts: Readonly<Record<string, string>>;
};
const installed = lockedPackages();
const runtime = runtimePackages();

describe('package.json', () => {
  it('makes promises that users rely on', () => {
    expect(manifest).toMatchObject({
      name: 'leader-for-life',
      license: 'Apache-2.0',
      type: 'module',
      sideEffects: false,
      files: ['dist'],
    });
    expect(manifest).not.toHaveProperty('private');
  });

  it('has three runtime dependencies, and shares client-node with the app', () => {
    expect(Object.keys(manifest['dependencies'] ?? {}).toSorted()).toEqual([
      '@kubernetes/client-node',
      'debug',
      'p-retry',
    ]);
    expect(manifest['dependencies']).toHaveProperty('@kubernetes/client-node', '^1.4.0 || ^2.0.0');
    expect(manifest).not.toHaveProperty('optionalDependencies');
  });

  it('documents versions of what programs pass to it, and installs none of it', () => {
    const peers = Object.keys(manifest['peerDependencies'] ?? {});
    expect(peers).toEqual(['@opentelemetry/api', 'node-cron', 'prom-client']);
    expect(manifest['peerDependenciesMeta']).toEqual(
      Object.fromEntries(peers.map((name) => [name, { optional: true }])),
    );
    expect(runtime.map(([path]) => nameOf(path)).filter((name) => peers.includes(name))).toEqual(
      [],
    );
  });

  it('exports the entry points, types first, and itself', () => {
    const built = Object.entries(entryPoints).map(([name, path]) => {
      const file = path.replace(`${root}/lib/`, './dist/').replace(/\.ts$/, '');
      const conditions = { types: `${file}.d.ts`, default: `${file}.js` };
      return [name.replace('leader-for-life', '.'), conditions] as const;
    });
    expect(Object.entries(manifest['exports'] ?? {})).toEqual([
      ...built,
      ['./package.json', './package.json'],
    ]);
    for (const conditions of Object.values(manifest['exports'] ?? {})) {
      if (typeof conditions !== 'object') continue;
      expect(Object.keys(conditions as object)).toEqual(['types', 'default']);
    }
  });

  it('says the same to compilers and tools that do not know `exports`', () => {
    const [main, ...others] = Object.entries(entryPoints).map(([name, path]) => {
      const file = path.replace(`${root}/lib/`, './dist/').replace(/\.ts$/, '');
      return { name: name.replace(/^leader-for-life\/?/, ''), file };
    });
    const typesVersions = { '*': Object.fromEntries(others.map(typesOf)) };
    expect(manifest).toMatchObject({ main: `${main?.file}.js`, types: `${main?.file}.d.ts` });
    expect(manifest['typesVersions']).toEqual(typesVersions);
  });

  it('runs nothing when it is installed', () => {
    const hooks = ['preinstall', 'install', 'postinstall'];
    expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([]);
  });

  it('has the version that requests announce, and sets both at once', () => {
    expect(manifest).toHaveProperty('version', version);
    expect(manifest.scripts).toHaveProperty(
      'version',
      'node .config/version.js && git add lib/version.ts',
    );
  });

  it('needs the oldest Node.js that its dependencies need, no older and no newer', () => {
    const floors = installed
      .filter(([, { dev, engines }]) => !dev && engines?.node)
      .map(([path, { engines }]) => ({ path, floor: floorOf(engines?.node ?? '') }))
      .sort((a, b) => compare(a.floor, b.floor));
    expect(floors.at(-1)).toEqual({
      path: 'node_modules/undici',
      floor: floorOf((manifest['engines'] as { node: string }).node),
    });
  });
});

describe('package-lock.json', () => {
  it('names no place to download from, and proves what was downloaded', () => {
    expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
  });

  it('has packages of the registry only, each by itself', () => {
    const odd = installed.filter(
      ([path, { version = '', link, inBundle }]) =>
        !path.startsWith('node_modules/') ||
        !/^\d+\.\d+\.\d+/.test(version) ||
        [link, inBundle].includes(true),
    );
    expect(odd).toEqual([]);
    const wanted = [manifest as Locked, ...installed.map(([, locked]) => locked)].flatMap((each) =>
      [each.dependencies, each.optionalDependencies, each.peerDependencies].flatMap((ranges = {}) =>
        Object.entries(ranges),
      ),
    );
    expect(wanted.length).toBeGreaterThan(installed.length);
    // git, http, file, link and workspace have a colon or a slash; so has npm, an alias.
    const elsewhere = wanted.filter(([, range]) => /[:/]/.test(range.replace(/^npm:[^:]+$/, '')));
    expect(elsewhere).toEqual([]);
  });

  it('runs no script of what users install, and of ours only the one that brings Node.js', () => {
    const scripted = (packages: readonly [string, Locked][]) =>
      packages.filter(([, locked]) => locked.hasInstallScript).map(([path]) => nameOf(path));
    expect(scripted(runtime)).toEqual([]);
    // VitePress' esbuild works without its script.
    expect(manifest['allowScripts']).toEqual({ esbuild: false, node: true });
    expect(scripted(installed).toSorted()).toEqual(['esbuild', 'node']);
  });

  it('brings users permissive licences only', () => {
    const others = runtime.filter(([, { license = '' }]) => !permissive.includes(license));
    expect(others).toEqual([]);
  });

  it('is what docs/dependencies.md shows: node spec/public/dependencies.ts --write', () => {
    expect(read('docs/dependencies.md')).toBe(page());
  });
});

function typesOf({ name, file }: { name: string; file: string }): [string, string[]] {
  return [name, [`${file}.d.ts`]];
}

/** The version in a range of the form `>=1.2.3`, which is all that our dependencies use. */
function floorOf(range: string): number[] {
  const [, version] = /^>= ?(\d+(?:\.\d+){0,2})$/.exec(range) ?? [];
  if (version === undefined) throw new Error(`cannot read the range ${range}`);
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return [major, minor, patch];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((part, i) => part !== b[i]);
  return (a[differing] ?? 0) - (b[differing] ?? 0);
}
