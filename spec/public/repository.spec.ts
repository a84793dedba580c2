import { rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles, read, root } from './project.ts';

/** What only one machine has, or whoever installs decides. Written so that it does not find itself. */
const FOREIGN = new Map([
  ['a path of one machine', /(?<![\w.:/~-])\/(?:home|Users|root|work|workspaces?|builds)\/\w/],
  ['a path of one machine (Windows)', /\b[A-Z]:[\\]+\w/],
  ['a package registry', /\b(?:registry\.(?:npmjs|yarnpkg)|npm\.pkg\.github|npmmirro[r])\b/],
  ['a credential of a registry', /_auth(?:Token)?\s*=/],
]);

const files = projectFiles().map((path) => ({ path, text: read(path) }));

describe('the repository', () => {
  it('shows the project, not its tools, at the top', () => {
    const tops = new Set(projectFiles().map((path) => path.replace(/\/.*$/s, '')));
    const ofProject = ['LICENSE', 'README.md', 'docs', 'lib', 'site', 'spec'];
    const ofNpm = ['package-lock.json', 'package.json', 'tsconfig.json'];
    const visible = [...tops].filter((name) => !name.startsWith('.'));
    expect(visible.toSorted()).toEqual([...ofProject, ...ofNpm].toSorted());
  });

  it('is what git tracks, whatever else lies about in the checkout', () => {
    const stray = join(root, `stray-${process.pid}.txt`);
    writeFileSync(stray, 'of nobody');
    try {
      expect(projectFiles()).not.toContain(basename(stray));
      expect(projectFiles()).toEqual(expect.arrayContaining(['README.md', '.ci/run', '.npmrc']));
    } finally {
      rmSync(stray);
    }
  });

  it.each([...FOREIGN])('does not contain %s', (_what, pattern) => {
    const found = files.flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it.each([
    ['a path of one machine', ['', 'home', 'me', 'x'].join('/')],
    ['a path of one machine', `file:///${['work', 'x'].join('/')}`.replace('file://', ' ')],
    ['a path of one machine (Windows)', ['C:', 'x'].join('\\')],
    ['a package registry', `https://${['registry', 'npmjs', 'org'].join('.')}/x`],
    ['a credential of a registry', ['//x/:_authToken', 'y'].join('=')],
  ])('would notice %s', (what, text) => {
    expect(FOREIGN.get(what)?.test(text)).toBe(true);
  });
});

describe('the commands that the README promises', () => {
  const promised = ['npm ci && npm run demo', 'npm ci && npm test'];

  it.each(promised)('%s is there to be copied', (command) => {
    const shell = Array.from(
      read('README.md').matchAll(/^```sh\n(.*?)^```/gms),
      ([, code]) => code,
    );
    expect(shell.join('').split('\n')).toContain(command);
  });

  it('exist as scripts', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
    expect(Object.keys(scripts)).toEqual(
      expect.arrayContaining(['build', 'prepare', 'demo', 'test', 'check']),
    );
  });

  it('are what .ci/run runs', () => {
    expect(read('.ci/run').split('\n')).toContain("suite test 'npm ci && npm test'");
    expect(statSync(join(root, '.ci/run')).mode & 0o111).not.toBe(0);
  });
});
