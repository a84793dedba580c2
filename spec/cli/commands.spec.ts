import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { rbacYaml } from '../../lib/index.ts';
import { cli } from './help.ts';

const folder = mkdtempSync(join(tmpdir(), 'leader-for-life-commands-'));
const kubeconfig = join(folder, 'config');
writeFileSync(
  kubeconfig,
  JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: {} }],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'first' } },
      { name: 'two', context: { cluster: 'c', user: 'u' } },
    ],
    'current-context': 'one',
  }),
);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('rbac', () => {
  it.each([
    ['--namespace n', 'n'],
    [`--kubeconfig ${kubeconfig}`, 'first'],
    [`--kubeconfig ${kubeconfig} --context two`, 'default'],
    [`--kubeconfig ${kubeconfig} --namespace n`, 'n'],
  ])('takes the namespace from %s', async (args, namespace) => {
    const { code, stdout } = await cli(['rbac', 'lock', ...args.split(' ')]);
    expect(code).toBe(0);
    expect(stdout).toBe(rbacYaml(['lock'], { mode: 'life', namespace, serviceAccount: 'lock' }));
  });

  it('says which kubeconfig it uses', async () => {
    const { stderr } = await cli(['rbac', 'lock', '--kubeconfig', kubeconfig]);
    expect(stderr).toBe(`leader-for-life: using context one of ${kubeconfig}, namespace first\n`);
  });

  it.each([
    [['--lease'], { mode: 'lease' }],
    [['--observe'], { mode: 'life', observe: true }],
    [['--label'], { mode: 'life', label: true }],
    [['--lease', '--label', '--pods'], { mode: 'lease', label: true, pods: true }],
    [['--lease', '--observe'], { mode: 'lease', observe: true }],
    [
      ['--events', '--service-account', 'worker'],
      { mode: 'life', events: true, serviceAccount: 'worker' },
    ],
  ] as const)('prints the rights for %j', async (args, options) => {
    const { stdout } = await cli(['rbac', 'a', 'b', '--namespace', 'n', ...args]);
    const common = { namespace: 'n', serviceAccount: 'a' };
    expect(stdout).toBe(rbacYaml(['a', 'b'], { ...common, ...options }));
  });

  it.each([
    [
      ['Bad_Name'],
      'The name must be a DNS subdomain (RFC 1123) of at most 253 characters, but is "Bad_Name"',
    ],
    [['a', '--service-account', 'B'], "--service-account must be a ServiceAccount's name"],
    [['a', '--pods'], '--pods is an option of leases'],
    [['a', '--namespace', 'N'], '--namespace must be a DNS label'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await cli(['rbac', '--namespace', 'n', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(`leader-for-life: error: ${message}`);
  });
});

describe('a kubeconfig', () => {
  it.each([
    [['--kubeconfig', join(folder, 'none')], 'cannot be read: ENOENT'],
    [
      ['--kubeconfig', kubeconfig, '--context', 'three'],
      'The kubeconfig has no context three. It has one, two.',
    ],
  ])('is refused with %j', async (args, message) => {
    const { code, stderr } = await cli(['rbac', 'lock', ...args]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  });
});

describe('run', () => {
  it.each([
    [['--lease', '--grace', '3s'], '--grace must be at most 2500ms'],
    [['--grace', '1s'], '--grace is an option of leases: add --lease.'],
    [['--identity', 'a'], '--identity is an option of leases: add --lease.'],
    [['--lease', '--guard'], '--guard is for leading for life: leave out --lease.'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await cli(['run', 'lock', ...args, '--', 'true']);
    expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining(message) });
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('has a script for %s with every command', async (shell) => {
    const { code, stdout } = await cli(['completion', shell]);
    expect(code).toBe(0);
    for (const word of ['run', 'rbac', 'lease-duration', 'json']) expect(stdout).toContain(word);
  });

  it('knows no other shell', async () => {
    expect(await cli(['completion', 'cmd'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"cmd" is not bash, zsh or fish.'),
    });
  });
});
