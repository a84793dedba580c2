import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requestStepDown } from '../../lib/index.ts';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { root } from '../public/entry-points.ts';
import { certificateFor } from '../support/certificate.ts';
import { CliProcess, FAULTY } from './cli-process.ts';

const execute = promisify(execFile);

let cluster: Cluster;
let folder: string;
let lock = '';
let number = 0;

beforeAll(async () => {
  cluster = await createCluster({ https: certificateFor('api', '127.0.0.1') });
  folder = mkdtempSync(join(tmpdir(), 'leader-for-life-serve-'));
});

beforeEach(() => {
  number += 1;
  lock = `lock-${number}`;
  for (const name of ['a', 'b']) cluster.createPod(`${name}-${number}`);
});

afterAll(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Said {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A command that writes whether the process of a file runs; a zombie does not. */
function tells(pid: string, told: string): string {
  return `grep -q '^State:.[^ZX]' /proc/$(cat ${pid})/status && echo runs > ${told} || echo gone > ${told}`;
}

/** A sidecar in a Pod. */
class Sidecar implements AsyncDisposable {
  readonly process: CliProcess;
  readonly pod: string;
  readonly url: Promise<string>;

  constructor(pod: 'a' | 'b', ...args: string[]) {
    this.pod = `${pod}-${number}`;
    const all = ['serve', '--http', '127.0.0.1:0', '--grace', '0s', ...args];
    this.process = new CliProcess(cluster, all, { pod: this.pod });
    this.url = this.process.prints(/listening on (\S+)/, 'stderr').then(([, url = '']) => url);
    this.url.catch(() => undefined);
  }

  async fetch(path: string, method = 'GET'): Promise<Response> {
    return fetch(`${await this.url}${path}`, { method });
  }

  async says(): Promise<Said> {
    const response = await this.fetch('/');
    return { status: response.status, body: (await response.json()) as Said['body'] };
  }

  /** Every event of its stream, until one says so. */
  async events(
    expected: Readonly<Record<string, unknown>>,
    stream?: Response,
  ): Promise<Said['body'][]> {
    const { body } = stream ?? (await this.fetch('/sse'));
    const told: Said['body'][] = [];
    let rest = '';
    for await (const part of body ?? []) {
      const events = (rest + Buffer.from(part as Uint8Array).toString()).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events.filter((each) => each.startsWith('data: '))) {
        told.push(JSON.parse(event.slice('data: '.length)) as Said['body']);
        const isMet = Object.entries(expected).every(
          ([key, value]) => told.at(-1)?.[key] === value,
        );
        if (isMet) return told;
      }
    }
    throw new Error(`the stream ended without ${JSON.stringify(expected)}`);
  }

  /** Waits until it says so. */
  async until(expected: Readonly<Record<string, unknown>>): Promise<Said['body']> {
    return (await this.events(expected)).at(-1) ?? {};
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

it('serve by a Lease answers a request to step down although --on-lost goes on', async () => {
  const options = ['--lease', '--ttl', '2s', '--on-lost', 'exec sleep 15'];
  await using a = new Sidecar('a', ...options, lock);
  await a.until({ is_leader: true });
  expect((await a.fetch('/step-down', 'POST')).status).toBe(200);
  await using b = new Sidecar('b', '--lease', lock);
  await b.until({ is_leader: true });
});

describe.each([
  ['for life', []],
  ['by a Lease', ['--lease']],
] as const)('serve, %s', (_, mode) => {
  it('says who leads, on each Pod', async () => {
    await using a = new Sidecar('a', ...mode, lock);
    const leads = await a.until({ is_leader: true });
    expect(leads).toMatchObject({ name: a.pod, leader: a.pod, node: a.pod, reason: 'leading' });
    expect(leads['fencingToken']).toMatch(/^\d+$/);
    await using b = new Sidecar('b', ...mode, lock);
    const waits = await b.until({ leader: a.pod });
    expect(waits).toMatchObject({
      is_leader: false,
      node: b.pod,
      fencingToken: null,
      reason: 'held',
    });
    const statuses = await Promise.all([a.fetch('/leader'), b.fetch('/leader')]);
    expect(statuses.map(({ status }) => status)).toEqual([200, 503]);
    const texts = await Promise.all(
      [a, b].map(async (sidecar) => (await sidecar.fetch('/metrics')).text()),
    );
    expect(
      texts.map((text) => /^leader_election_master_status\{.*\} (\d)$/m.exec(text)?.[1]),
    ).toEqual(['1', '0']);
    for (const sidecar of [a, b]) {
      expect((await sidecar.fetch('/livez')).status).toBe(200);
      expect((await sidecar.fetch('/readyz')).status).toBe(200);
    }
  });

  it('hands over when it is asked to, by either way, and competes again', async () => {
    await using a = new Sidecar('a', ...mode, lock);
    await a.until({ is_leader: true });
    await using b = new Sidecar('b', ...mode, lock);
    await b.until({ leader: a.pod });
    expect((await b.fetch('/step-down', 'POST')).status).toBe(409);
    const answer = await a.fetch('/step-down', 'POST');
    expect([answer.status, await answer.json()]).toMatchObject([200, { is_leader: false }]);
    await b.until({ is_leader: true });
    await a.until({ leader: b.pod });
    const { kubeConfig } = cluster.optionsFor(b.pod);
    await requestStepDown(mode.length === 0 ? 'life' : 'lease', lock, { kubeConfig });
    await a.until({ is_leader: true });
    await b.until({ leader: a.pod });
  });

  it('sends each change on /sse', async () => {
    await using a = new Sidecar('a', ...mode, lock);
    await a.until({ is_leader: true });
    await using b = new Sidecar('b', ...mode, lock);
    await b.until({ leader: a.pod });
    const stream = await b.fetch('/sse');
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    await a.fetch('/step-down', 'POST');
    const told = await b.events({ is_leader: true }, stream);
    expect(told[0]).toMatchObject({ name: a.pod, is_leader: false });
    expect(told.at(-1)).toMatchObject({ name: b.pod, is_leader: true });
  });

  it('on SIGTERM runs --on-lost, gives the lock up with --release, and ends with 0', async () => {
    const file = join(folder, lock);
    const hooks = [
      ...['--on-leading', `echo "leads $LEADER_NAME $LEADER_MODE" >> ${file}`],
      ...['--on-lost', `echo lost $LEADER_FENCING_TOKEN >> ${file}`],
    ];
    await using a = new Sidecar('a', ...mode, ...hooks, '--release', lock);
    await a.until({ is_leader: true });
    await using b = new Sidecar('b', ...mode, lock);
    await b.until({ leader: a.pod });
    a.process.kill('SIGTERM');
    expect(await a.process.end()).toMatchObject({ code: 0, signal: null });
    await b.until({ is_leader: true });
    const name = mode.length === 0 ? 'life' : 'lease';
    expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^leads ${lock} ${name}\nlost \\d+\n$`));
  });

  it.each([
    ['ends on SIGTERM', 'echo $$ > PID; exec sleep 30'],
    ['ignores SIGTERM', `trap '' TERM; echo $$ > PID; exec sleep 30`],
    ['leaves a child that ignores it', `sh -c 'trap "" TERM; echo $$ > PID; exec sleep 30'; true`],
    ['leaves a job that ignores it', `set -m; (trap '' TERM; exec sleep 30) & echo $! > PID; wait`],
  ])('runs --on-lost after a --on-leading that %s', async (_, command) => {
    const [pid, told] = [join(folder, `${lock}-pid`), join(folder, `${lock}-told`)];
    const hooks = [
      ...['--on-leading', command.replace('PID', pid)],
      ...['--on-lost', tells(pid, told)],
    ];
    await using a = new Sidecar('a', ...mode, ...hooks, lock);
    await expect.poll(() => existsSync(pid)).toBe(true);
    expect((await a.fetch('/step-down', 'POST')).status).toBe(200);
    expect(readFileSync(told, 'utf8')).toBe('gone\n');
  });

  it('after an error of its own ends --on-leading, runs --on-lost, and ends with 1', async () => {
    const [pid, told] = [join(folder, `${lock}-pid`), join(folder, `${lock}-told`)];
    const args = [
      ...['serve', '--http', '127.0.0.1:0', ...mode, lock],
      ...['--on-leading', `echo $$ > ${pid}; exec sleep 30`],
      ...['--on-lost', tells(pid, told)],
    ];
    await using process = new CliProcess(cluster, args, { pod: `a-${number}`, program: FAULTY });
    await expect.poll(() => existsSync(pid)).toBe(true);
    process.kill('SIGWINCH');
    const { code, stderr } = await process.end();
    expect([code, stderr]).toEqual([1, expect.stringMatching(/error: unexpected: broken\n/)]);
    expect(readFileSync(told, 'utf8')).toBe('gone\n');
  });

  it('after an error while a term ends, ends --on-leading, too', async () => {
    const [pid, told] = [join(folder, `${lock}-pid`), join(folder, `${lock}-told`)];
    const args = [
      ...['serve', '--http', '127.0.0.1:0', ...mode, lock],
      ...['--on-leading', `trap '' TERM; echo $$ > ${pid}; exec sleep 30`],
      ...['--on-lost', tells(pid, told)],
    ];
    await using process = new CliProcess(cluster, args, { pod: `a-${number}`, program: FAULTY });
    const [, url = ''] = await process.prints(/listening on (\S+)/, 'stderr');
    await expect.poll(() => existsSync(pid)).toBe(true);
    const answer = fetch(`${url}/step-down`, { method: 'POST' }).catch(() => undefined);
    const leads = async () => (await fetch(`${url}/leader`)).status === 200;
    await expect.poll(leads, { interval: 10 }).toBe(false);
    process.kill('SIGWINCH');
    expect((await process.end()).code).toBe(1);
    await answer;
    expect(readFileSync(told, 'utf8')).toBe('gone\n');
  });

  it('keeps the lock on SIGTERM otherwise', async () => {
    await using a = new Sidecar('a', ...mode, lock);
    await a.until({ is_leader: true });
    a.process.kill('SIGTERM');
    expect(await a.process.end()).toMatchObject({ code: 0 });
    const holder =
      mode.length === 0
        ? cluster.getConfigMap(lock)?.metadata.ownerReferences?.[0]?.name
        : cluster.getLease(lock)?.spec?.holderIdentity?.split('_')[0];
    expect(holder).toBe(a.pod);
  });
});

describe('the examples of docs/sidecar.md', () => {
  const page = readFileSync(join(root, 'docs/sidecar.md'), 'utf8');
  const example = (language: string) =>
    new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? '';

  it.each([
    [
      'Python',
      ['python3', '-c'],
      () => `${example('python').split('while True:')[0] ?? ''}print("leads" if leads() else "no")`,
    ],
    [
      'a shell',
      ['sh', '-c'],
      () =>
        example('sh')
          .replace('while sleep 1; do', 'for once in 1; do')
          .replace('work', 'echo leads; exit')
          .concat('echo no'),
    ],
  ] as const)('in %s, ask the sidecar', async (_, [program, ...args], code) => {
    await using a = new Sidecar('a', lock);
    await a.until({ is_leader: true });
    await using b = new Sidecar('b', lock);
    await b.until({ leader: a.pod });
    const ask = async (sidecar: Sidecar) => {
      const text = code().replaceAll('http://127.0.0.1:4040', await sidecar.url);
      return (await execute(program, [...args, text])).stdout;
    };
    expect([await ask(a), await ask(b)]).toEqual(['leads\n', 'no\n']);
  });
});

describe('serve', () => {
  it('never says that it leads after it was stopped for longer than its Lease', async () => {
    const times = ['--lease', '--ttl', '3s'];
    await using a = new Sidecar('a', ...times, lock);
    await a.until({ is_leader: true });
    await using b = new Sidecar('b', ...times, lock);
    await b.until({ leader: a.pod });
    a.process.kill('SIGSTOP');
    // Asked while it is stopped: the answer is computed when it wakes.
    const asked = a.says();
    await b.until({ is_leader: true });
    a.process.kill('SIGCONT');
    expect((await asked).body).toMatchObject({ is_leader: false });
    expect(await a.until({ leader: b.pod })).toMatchObject({ is_leader: false });
  });

  it('releases a short Lease after the grace that it has by default', async () => {
    const args = ['serve', '--http', '127.0.0.1:0', '--lease', '--ttl', '3s', lock];
    await using a = new CliProcess(cluster, args, { pod: `a-${number}` });
    await cluster.until(() => cluster.getLease(lock)?.spec?.renewTime);
    const { kubeConfig } = cluster.optionsFor(`a-${number}`);
    await requestStepDown('lease', lock, { kubeConfig });
    await a.prints(/has not ended|: released/, 'stderr');
    expect(a.stderr).not.toContain('has not ended');
    expect(cluster.getLease(lock)?.spec?.holderIdentity).toBe('');
  });

  it('answers POST /step-down when a Lease has expired that --on-lost kept too long', async () => {
    const times = ['--lease', '--ttl', '3s'];
    await using a = new Sidecar('a', ...times, '--on-lost', 'sleep 2.5', lock);
    await a.until({ is_leader: true });
    await using b = new Sidecar('b', ...times, lock);
    await b.until({ leader: a.pod });
    const answer = await a.fetch('/step-down', 'POST');
    expect(cluster.getLease(lock)?.spec?.holderIdentity).toMatch(b.pod);
    expect([answer.status, await answer.json()]).toMatchObject([200, { leader: b.pod }]);
  });

  it('says that it does not know when the API server does not answer', async () => {
    await using a = new Sidecar('a', '--lease', lock);
    await a.until({ is_leader: true });
    await using b = new Sidecar('b', '--lease', lock);
    await b.until({ leader: a.pod });
    const fault = cluster.faults.add({ error: { status: 503 } });
    try {
      await expect.poll(async () => (await b.says()).status, { timeout: 10_000 }).toBe(503);
      expect((await b.says()).body).toMatchObject({ name: '', leader: '', is_leader: false });
      expect((await b.fetch('/livez')).status).toBe(200);
    } finally {
      fault.remove();
    }
    await b.until({ leader: a.pod });
  });

  it('lets nobody conclude from the end of its container that the program has ended', async () => {
    const name = `several-${number}`;
    const containers = ['leader', 'app'].map((each) => ({ name: each }));
    const pods = '/api/v1/namespaces/default/pods';
    cluster.request('POST', pods, { metadata: { name }, spec: { containers } });
    const state = { running: { startedAt: '2026-01-01T00:00:00Z' } };
    const containerStatuses = containers.map((each) => {
      return { ...each, containerID: `containerd://${each.name}`, state };
    });
    const type = 'application/merge-patch+json';
    const status = { status: { phase: 'Running', containerStatuses } };
    cluster.request('PATCH', `${pods}/${name}/status`, status, type);
    await using process = new CliProcess(
      cluster,
      ['serve', '--http', '127.0.0.1:0', '--lease', '--ttl', '2s', lock],
      { pod: name, env: { CONTAINER_NAME: 'leader' } },
    );
    await process.prints(/listening/, 'stderr');
    const renewals = new Set<string | undefined>();
    await cluster.until(() => {
      const lease = cluster.getLease(lock);
      if (lease?.spec?.renewTime) renewals.add(lease.spec.renewTime);
      return renewals.size > 4;
    });
    expect(cluster.getLease(lock)?.metadata.annotations).toBeUndefined();
  });

  it.each([
    ['for life', []],
    ['by a Lease', ['--lease']],
  ] as const)('leads only while the program is healthy, %s', async (_, mode) => {
    const file = join(folder, `healthy-${lock}`);
    writeFileSync(file, '');
    await using a = new Sidecar('a', ...mode, '--health-file', file, lock);
    await a.until({ is_leader: true });
    await using b = new Sidecar('b', ...mode, lock);
    await b.until({ leader: a.pod });
    rmSync(file);
    await b.until({ is_leader: true });
    expect((await a.says()).body).toMatchObject({ is_leader: false });
  });

  it("takes contrib's flags", async () => {
    const contrib = ['--election', lock, '--election-namespace', 'default', '--ttl', '4s'];
    await using a = new Sidecar('a', ...contrib, '--id', 'my-id');
    expect(await a.until({ is_leader: true })).toMatchObject({ name: 'my-id' });
    expect(cluster.getLease(lock)?.spec).toMatchObject({
      holderIdentity: 'my-id',
      leaseDurationSeconds: 4,
    });
  });

  it('ends with 1 if the election fails', async () => {
    cluster.createConfigMap(lock);
    await using a = new Sidecar('a', lock);
    const { code, stderr } = await a.process.end();
    expect([code, stderr]).toEqual([1, expect.stringMatching(/ERR_FOREIGN_LOCK/)]);
  });
});
