import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from './lock.ts';
import { step } from './progress.ts';
import type { Report } from './progress.ts';
import { findProgram } from './program.ts';
import { folderFrom } from './xdg.ts';

/** Binaries are the folders that hold the programs of each of the two Go modules. */
export interface Binaries {
  readonly controlPlane: string;
  readonly node: string;
}

interface Tool {
  module: 'control-plane' | 'node';
  program: string;
  package: string;
}

const KUBERNETES = 'k8s.io/kubernetes/cmd';
const CONTAINERD = 'github.com/containerd/containerd/v2/cmd';
const CNI = 'github.com/containernetworking/plugins/plugins/main';

const controlPlaneTools: readonly Tool[] = [
  { module: 'control-plane', program: 'etcd', package: 'go.etcd.io/etcd/server/v3' },
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'].map(kubernetes),
];

const nodeTools: readonly Tool[] = [
  kubernetes('kubelet'),
  ...['containerd', 'containerd-shim-runc-v2', 'ctr'].map((program): Tool => ({
    module: 'node',
    program,
    package: `${CONTAINERD}/${program}`,
  })),
  { module: 'node', program: 'loopback', package: `${CNI}/loopback` },
];

/** binaries tells where the programs of this version of the Go modules are, built or not. */
export function binaries(): Binaries {
  return { controlPlane: cacheOf('control-plane'), node: cacheOf('node') };
}

/**
 * build builds what is missing of the control plane's programs, and of a node's too when `node`.
 * Go checks everything it downloads by the `go.sum` beside this file.
 */
export async function build(
  node: boolean,
  report: Report,
  locate: typeof findProgram = findProgram,
): Promise<void> {
  const wanted = [...controlPlaneTools, ...(node ? nodeTools : [])];
  const isMissing = (tool: Tool): boolean => !existsSync(fileOf(tool));
  if (!wanted.some(isMissing)) return;

  const go = locate('go', ['/usr/local/go/bin']);
  if (!go) {
    throw new Error(
      'Go is missing: it builds Kubernetes from its source, once. ' +
        'Install Go 1.21 or newer (it fetches the version that is needed) and put it on the PATH, ' +
        'or use a cluster that you have: CLUSTER=<kubeconfig> npm run test:cluster',
    );
  }
  await withLock(`the build in ${cacheFolder()}`, report, async () => {
    const missing = wanted.filter(isMissing);
    report(`${missing.length} programs to build, once: this takes minutes`);
    for (const [index, tool] of missing.entries()) {
      const title = `build ${tool.program} (${index + 1} of ${missing.length})`;
      await step(report, title, () => compile(go, tool));
    }
  });
}

async function compile(go: string, tool: Tool): Promise<void> {
  const file = fileOf(tool);
  // A build that was cut short leaves no program behind that looks whole.
  const unfinished = `${file}.${process.pid}`;
  await mkdir(cacheOf(tool.module), { recursive: true });
  const args = ['-n', '10', go, 'build', '-trimpath', '-ldflags', linkerFlags(tool)];
  const child = spawn('nice', [...args, '-o', unfinished, tool.package], {
    cwd: moduleFolder(tool.module),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    // Standard output is for the result only.
    stdio: ['ignore', process.stderr, process.stderr],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (code !== 0) {
    throw new Error(`go build ${tool.package} failed (${signal ?? `exit code ${code}`})`);
  }
  await rename(unfinished, file);
}

// Without these the components report v0.0.0, and clients judge features by it.
function linkerFlags({ module }: Tool): string {
  if (module === 'node') return '-s -w';
  const source = readFileSync(join(moduleFolder(module), 'go.mod'), 'utf8');
  const version = /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/.exec(source);
  if (!version) throw new Error(`no version of k8s.io/kubernetes in ${module}/go.mod`);
  const [, full, major, minor] = version;
  const values = [`gitVersion=${full}`, `gitMajor=${major}`, `gitMinor=${minor}`];
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const flags = packages.flatMap((path) => values.map((value) => `-X ${path}.${value}`));
  return ['-s -w', ...flags].join(' ');
}

function kubernetes(program: string): Tool {
  return { module: 'control-plane', program, package: `${KUBERNETES}/${program}` };
}

function fileOf(tool: Tool): string {
  return join(cacheOf(tool.module), tool.program);
}

function cacheOf(module: Tool['module']): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) {
    hash.update(readFileSync(join(moduleFolder(module), file)));
  }
  return join(cacheFolder(), hash.digest('hex').slice(0, 16));
}

function cacheFolder(): string {
  return join(folderFrom('XDG_CACHE_HOME', '.cache'), 'leader-for-life', 'cluster');
}

function moduleFolder(module: Tool['module']): string {
  return join(import.meta.dirname, module);
}
