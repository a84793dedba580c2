import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { type CliOptions, CliProcess, FAULTY } from './cli-process.ts';
import { runs } from './runs.ts';

let cluster: Cluster;
let folder: string;
let lock = '';
let number = 0;

beforeAll(async () => {
  cluster = await createCluster();
  folder = mkdtempSync(join(tmpdir(), 'leader-for-life-run-'));
});

afterAll(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

/** `run` for a lock of its own, in a Pod of its own. */
function run(args: readonly string[], script: string, options: CliOptions = {}): CliProcess {
  number += 1;
  lock = `lock-${number}`;
  return another(args, script, options);
}

/** The same for the lock that is there already. */
function another(args: readonly string[], script: string, options: CliOptions = {}): CliProcess {
  number += 1;
  const pod = `pod-${number}`;
  cluster.createPod(pod);
  const command = ['/bin/sh', '-c', script];
  const names = ['run', ...args, lock, '--', ...command];
  return new CliProcess(cluster, names, { pod, user: pod, ...options });
}

const LEASE = [
  ...['--lease', '--lease-duration', '4s'],
  ...['--renew-deadline', '2s', '--retry-period', '300ms'],
];

const MODES: [string, readonly string[]][] = [
  ['for life', []],
  ['by a Lease', LEASE],
];

/** Until a signal ends it. */
const WORK = 'echo working; while :; do sleep 0.05; done';

/** A folder for PATH, with these programs only. */
function pathOf(...names: string[]): string {
  const path = mkdtempSync(join(folder, 'path-'));
  for (const name of names) symlinkSync(`/usr/bin/${name}`, join(path, name));
  return path;
}

function holder(): string | undefined {
  return cluster.getLease(lock)?.spec?.holderIdentity;
}

describe.each(MODES)('run, %s', (mode, args) => {
  const isHeld = () =>
    mode === 'for life' ? cluster.getConfigMap(lock) !== undefined : Boolean(holder());

  it.each([0, 1, 77])(
    "ends with the command's exit code %i, and releases the lock",
    async (code) => {
      await using process = run(args, `exit ${code}`);
      expect(await process.end()).toMatchObject({ code, signal: null });
      expect(isHeld()).toBe(false);
    },
  );

  it('ends with 128 + n if a signal ended the command', async () => {
    await using process = run(args, 'kill -KILL $$');
    expect(await process.end()).toMatchObject({ code: 137 });
    expect(isHeld()).toBe(false);
  });

  it('tells the command about its leadership, and passes its input on', async () => {
    await using process = run(args, 'cat; env | grep ^LEADER_');
    process.write('input\n');
    const { stdout } = await process.end();
    const lines = stdout.trim().split('\n').toSorted();
    expect(lines).toEqual([
      expect.stringMatching(/^LEADER_FENCING_TOKEN=[1-9]\d*$/),
      expect.stringMatching(/^LEADER_IDENTITY=pod-\d+/),
      `LEADER_MODE=${mode === 'for life' ? 'life' : 'lease'}`,
      `LEADER_NAME=${lock}`,
      'LEADER_NAMESPACE=default',
      expect.stringMatching(/^LEADER_SINCE=20\d\d-\d\d-\d\dT[\d:.]+Z$/),
      'input',
    ]);
  });

  it('waits for the command on SIGTERM, even on a second one, before another leads', async () => {
    const script = `trap 'echo asked' TERM; trap 'echo bye; exit 5' USR1; ${WORK}`;
    await using process = run(args, script);
    await process.prints(/working/);
    await using next = another(args, 'echo next');
    await next.prints(/ leads/, 'stderr');
    process.kill('SIGTERM');
    await process.prints(/asked/);
    process.kill('SIGTERM');
    await process.prints(/asked\nasked/);
    expect(isHeld()).toBe(true);
    expect(next.stdout).toBe('');
    process.kill('SIGUSR1');
    expect(await process.end()).toMatchObject({ code: 5 });
    expect(await next.end()).toMatchObject({ code: 0, stdout: 'next\n' });
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const)('ends a wait on %s with %i, without the command', async (signal, code) => {
    await using leader = run(args, WORK);
    await leader.prints(/working/);
    await using process = another(args, WORK);
    await process.prints(/ leads/, 'stderr');
    process.kill('SIGUSR1');
    process.kill(signal);
    const { stderr, ...end } = await process.end();
    expect(end).toEqual({ code, signal: null, stdout: '' });
    expect(stderr).toMatch(new RegExp(`default/${lock}: stopped waiting: ${signal}\\n$`));
  });

  it.each(['SIGWINCH', 'SIGURG'] as const)(
    'ends with 125, and no command runs any more, after an error of its own, by %s',
    async (signal) => {
      const script = `trap '' TERM; sleep 1000 & echo child=$! main=$$; wait`;
      await using process = run(args, script, { program: FAULTY });
      const [, child, main] = await process.prints(/child=(\d+) main=(\d+)/);
      process.kill(signal);
      const { code, stderr } = await process.end();
      expect(code).toBe(125);
      expect(stderr).toMatch(/^leader-for-life: error: unexpected: broken\n$/m);
      expect([child, main].map(runs)).toEqual([false, false]);
    },
  );

  it('ends a wait with 125 after an error of its own', async () => {
    await using leader = run(args, WORK);
    await leader.prints(/working/);
    await using process = another(args, WORK, { program: FAULTY });
    await process.prints(/ leads/, 'stderr');
    process.kill('SIGWINCH');
    expect(await process.end()).toMatchObject({ code: 125, stdout: '' });
  });

  it('ends a wait after --timeout with 124', async () => {
    await using leader = run(args, WORK);
    await leader.prints(/working/);
    await using process = another([...args, '--timeout', '300ms'], WORK);
    expect(await process.end()).toMatchObject({
      code: 124,
      stdout: '',
      stderr: expect.stringMatching(/error: .*\(ERR_TIMEOUT\)\n$/),
    });
  });

  it('kills what the command leaves behind, also jobs in other groups, before it ends', async () => {
    const script = `bash -c 'set -m; sleep 1000 & echo job=$!'; sleep 1000 & echo left=$!; exit 3`;
    await using process = run(args, script);
    const { code, stdout } = await process.end();
    expect(code).toBe(3);
    const [, job] = /job=(\d+)/.exec(stdout) ?? [];
    const [, left] = /left=(\d+)/.exec(stdout) ?? [];
    expect([job, left].map(runs)).toEqual([false, false]);
  });

  it.each([
    ['a watchdog and setpriv', ['sh', 'sleep', 'setpriv']],
    ['a watchdog only', ['sh', 'sleep']],
  ])('leaves nothing behind when it is killed, by %s', async (_what, programs) => {
    const script = `sleep 1000 & echo child=$! main=$$; wait`;
    const env = { PATH: pathOf(...programs) };
    await using process = run(args, script, { env });
    const [, child, main] = await process.prints(/child=(\d+) main=(\d+)/);
    expect([child, main].map(runs)).toEqual([true, true]);
    process.kill('SIGKILL');
    expect(await process.end()).toMatchObject({ signal: 'SIGKILL' });
    // What was killed may not have been reaped yet.
    const left = () => [child, main].map(runs);
    await expect.poll(left).toEqual([false, false]);
  });

  it('leaves nothing behind when it is killed as soon as the command begins', async () => {
    const script = `echo main=$$; kill -KILL $PPID; exec sleep 1000`;
    await using process = run(args, script, { env: { PATH: pathOf('sh', 'sleep') } });
    const [, main] = await process.prints(/main=(\d+)/);
    expect(await process.end()).toMatchObject({ signal: 'SIGKILL' });
    await expect.poll(() => runs(main)).toBe(false);
  });
});

describe('run', () => {
  it('passes every signal on', async () => {
    const names = ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'ALRM', 'WINCH', 'CONT', 'URG', 'IO'];
    const traps = names.map((name) => `trap 'echo got ${name}' ${name};`).join(' ');
    await using process = run([], `${traps} ${WORK}`);
    await process.prints(/working/);
    for (const name of names) {
      process.kill(`SIG${name}` as NodeJS.Signals);
      await process.prints(new RegExp(`got ${name}\n`));
    }
    process.kill('SIGTERM');
    expect(await process.end()).toMatchObject({ code: 143 });
  });

  it('passes signals on to the children of the command', async () => {
    const child = `trap "echo child; exit" TERM; ${WORK}`;
    await using process = run([], `trap 'wait; exit 9' TERM; sh -c '${child}' & wait`);
    await process.prints(/working/);
    process.kill('SIGTERM');
    expect(await process.end()).toMatchObject({ code: 9, stdout: 'working\nchild\n' });
  });

  it('kills the command with itself by setpriv, without a shell', async () => {
    await using process = run([], `echo main=$$; exec sleep 1000`, {
      env: { PATH: pathOf('setpriv', 'sleep') },
    });
    const [, main] = await process.prints(/main=(\d+)/);
    process.kill('SIGKILL');
    await process.end();
    // What was killed may not have been reaped yet.
    await expect.poll(() => runs(main)).toBe(false);
  });

  it('warns where nothing would kill the command with it', async () => {
    await using process = run([], 'exit 4', { env: { PATH: pathOf('sleep') } });
    const { code, stderr } = await process.end();
    expect({ code, stderr }).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('warning: neither setpriv'),
    });
  });

  it('finds out that there is no such command before it waits', async () => {
    const before = cluster.requests.count();
    const process = new CliProcess(cluster, ['run', 'lock', '--', 'no-such-command']);
    expect(await process.end()).toMatchObject({
      code: 127,
      stderr: 'leader-for-life: error: there is no command "no-such-command" on the PATH.\n',
    });
    expect(cluster.requests.count()).toBe(before);
  });

  it('says that the command is not executable', async () => {
    const file = join(folder, 'script');
    writeFileSync(file, 'exit 0');
    const process = new CliProcess(cluster, ['run', 'lock', '--', file]);
    expect(await process.end()).toMatchObject({ code: 126 });
  });

  it('says what is wrong with a lock that is no lock', async () => {
    cluster.createConfigMap('settings', { data: { a: 'b' } });
    lock = 'settings';
    await using process = another([], WORK);
    expect(await process.end()).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/^leader-for-life: error: .*\(ERR_FOREIGN_LOCK\)\n$/m),
    });
  });

  it('prints the Role that is missing, once', async () => {
    cluster.grant('nobody', []);
    await using process = run([], WORK, { user: 'nobody' });
    const { code, stderr } = await process.end();
    expect(code).toBe(125);
    expect(stderr).toMatch(/error: .*\(ERR_FORBIDDEN\)\n(?:.*\n)*kind: Role\n/);
    expect(stderr.match(/error: /g)).toHaveLength(1);
  });

  it('refuses to lead without a cluster', async () => {
    const process = new CliProcess(undefined, ['run', 'lock', '--', 'sh', '-c', WORK], {
      env: { HOME: folder },
    });
    expect(await process.end()).toMatchObject({
      code: 125,
      stdout: '',
      stderr: expect.stringContaining('no kubeconfig was found'),
    });
  });

  it('logs JSON with --log-format json', async () => {
    await using process = run(['--log-format', 'json'], 'exit 0');
    const { stderr } = await process.end();
    const entries = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(entries).toContainEqual(
      expect.objectContaining({ level: 'info', type: 'leading', name: lock, mode: 'life' }),
    );
  });
});

describe('run, when leadership is lost', () => {
  it('kills the command at once if the lock is taken away, with --guard', async () => {
    await using process = run(['--guard'], `trap 'echo asked' TERM; ${WORK}`);
    await process.prints(/working/);
    cluster.deleteConfigMap(lock);
    expect(await process.end()).toMatchObject({ code: 75, stdout: 'working\n' });
  });

  it('waits for its next turn with --restart', async () => {
    const script = `trap 'exit 0' TERM; echo token=$LEADER_FENCING_TOKEN; while :; do sleep 0.05; done`;
    await using process = run(['--guard', '--restart'], script);
    const [, first] = await process.prints(/token=(\d+)/);
    cluster.deleteConfigMap(lock);
    const [, second] = await process.prints(/token=\d+\ntoken=(\d+)/);
    expect(Number(second)).toBeGreaterThan(Number(first));
    process.kill('SIGTERM');
    expect(await process.end()).toMatchObject({ code: 0 });
  });

  it('kills the command at once if another holds the Lease', async () => {
    await using process = run(LEASE, `trap 'echo asked' TERM; ${WORK}`);
    await process.prints(/working/);
    const lease = cluster.getLease(lock);
    const spec = { ...lease?.spec, holderIdentity: 'somebody', renewTime: lease?.spec?.renewTime };
    const path = `/apis/coordination.k8s.io/v1/namespaces/default/leases/${lock}`;
    cluster.request('PUT', path, { ...lease, spec });
    expect(await process.end()).toMatchObject({ code: 75, stdout: 'working\n' });
  });

  it.each([
    ['for life', ['--guard']],
    ['by a Lease', LEASE],
  ])('hands over when it is asked to, once the command has ended, %s', async (mode, args) => {
    const script = `trap 'echo asked; sleep 0.3; echo done; exit 0' TERM; ${WORK}`;
    await using process = run(args, script);
    await process.prints(/working/);
    await using next = another(args, 'echo next');
    await next.prints(/ leads/, 'stderr');
    const path =
      mode === 'for life'
        ? `/api/v1/namespaces/default/configmaps/${lock}`
        : `/apis/coordination.k8s.io/v1/namespaces/default/leases/${lock}`;
    const leader = mode === 'for life' ? `pod-${number - 1}` : holder();
    const body = { metadata: { annotations: { 'leader-for-life/step-down': leader } } };
    cluster.request('PATCH', path, body, 'application/merge-patch+json');
    expect(await process.end()).toMatchObject({ code: 75, stdout: 'working\nasked\ndone\n' });
    expect(await next.end()).toMatchObject({ code: 0, stdout: 'next\n' });
  });

  it('asks the command to end after an error of its own, by a Lease', async () => {
    const script = `trap 'echo asked; sleep 0.3; echo done; exit 0' TERM; ${WORK}`;
    await using process = run([...LEASE, '--restart'], script, { program: FAULTY });
    await process.prints(/working/);
    process.kill('SIGURG');
    expect(await process.end()).toMatchObject({ code: 125, stdout: 'working\nasked\ndone\n' });
  });

  /** The command writes the time down for as long as it runs. */
  const clock = (name: string) => {
    const file = join(folder, name);
    return `echo began=$(date +%s%N); while :; do date +%s%N >>${file}; sleep 0.01; done`;
  };
  const lastOf = (name: string) =>
    readFileSync(join(folder, name), 'utf8').trim().split('\n').at(-1);

  it('asks the command, kills it in time, and another leads afterwards', async () => {
    await using process = run(LEASE, `trap 'echo asked' TERM; echo working; ${clock('cut')}`);
    const user = `pod-${number}`;
    await process.prints(/working/);
    await using next = another(LEASE, clock('cut-next'));
    await next.prints(/ leads/, 'stderr');
    const fault = cluster.faults.add({ user, hang: true });
    const { code, stdout } = await process.end();
    expect({ code, stdout }).toEqual({ code: 75, stdout: expect.stringContaining('asked') });
    fault.remove();
    const [, began = 0] = await next.prints(/began=(\d+)\n/);
    expect(BigInt(began)).toBeGreaterThan(BigInt(lastOf('cut') ?? 0));
  });

  it('the command is dead before another leads if run is stopped', async () => {
    await using process = run(LEASE, `trap 'echo asked' TERM; echo working; ${clock('stop')}`);
    await process.prints(/working/);
    await using next = another(LEASE, clock('stop-next'));
    await next.prints(/ leads/, 'stderr');
    process.kill('SIGSTOP');
    const [, began = 0] = await next.prints(/began=(\d+)\n/);
    expect(BigInt(began)).toBeGreaterThan(BigInt(lastOf('stop') ?? 0));
    process.kill('SIGCONT');
    const { code, stdout } = await process.end();
    expect({ code, stdout }).toEqual({ code: 75, stdout: expect.not.stringContaining('asked') });
  });
});
