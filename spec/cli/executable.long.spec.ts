import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCluster } from '../../lib/testing/index.ts';
import { version } from '../../lib/version.ts';
import { root } from '../public/entry-points.ts';
import { CliProcess, type CliOptions, type End } from './cli-process.ts';

type Program = CliOptions['program'];

const folder = mkdtempSync(join(tmpdir(), 'leader-for-life-executable-'));
/** Beside no `node_modules`, as in the image that an init container copies it into. */
let executable: Program;
/** Without a Node.js on the PATH. */
const env = { PATH: '/usr/bin:/bin' };

beforeAll(() => {
  const build = join(root, '.config/executable.js');
  execFileSync(process.execPath, [build, folder], { stdio: 'pipe' });
  const [name = ''] = globSync(`leader-for-life-${process.platform}-*`, { cwd: folder });
  executable = [join(folder, name)];
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A leader hands over to another Pod, whose command then fails; a third Pod waits for life. */
async function play(program: Program, ...mode: string[]): Promise<End[]> {
  await using cluster = await createCluster();
  const pods = ['app-a', 'app-b', 'app-c'];
  for (const pod of pods) cluster.createPod(pod);
  const [a, b, c] = pods.map((pod) => ({ program, pod, user: pod, env }));
  const shell = [...mode, 'lock', '--', 'sh', '-c'];
  const tell = 'echo "$LEADER_MODE $LEADER_NAMESPACE/$LEADER_NAME"';
  await using first = new CliProcess(cluster, ['run', ...shell, `${tell}; exec sleep 600`], a);
  await first.prints(/default\/lock/);
  await using second = new CliProcess(cluster, ['run', ...shell, `${tell}; exit 7`], b);
  await second.prints(/app-a/, 'stderr');
  first.kill('SIGTERM');
  const ends = [await first.end(), await second.end()];
  await using third = new CliProcess(cluster, ['wait', 'other'], c);
  ends.push(await third.end());
  await using bad = new CliProcess(cluster, ['run', '--timeout', '5', 'lock', '--', 'true'], c);
  ends.push(await bad.end());
  return ends;
}

/** What differs from run to run: the port, times, the folder of the kubeconfig, UUIDs. */
function comparable(ends: readonly End[]): string {
  return JSON.stringify(ends, undefined, 2).replaceAll(
    /\/\S*kubeconfig|\d+(?:\.\d+)? m?s|[0-9a-f]{8}-[0-9a-f-]{27}|127\.0\.0\.1:\d+/g,
    '…',
  );
}

test('the executable says the version', async () => {
  await using process = new CliProcess(undefined, ['--version'], { program: executable, env });
  expect(await process.end()).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test.each(['life', 'lease'])('the executable elects as the package does, for %s', async (name) => {
  const mode = name === 'lease' ? ['--lease'] : [];
  const [ends, expected] = [await play(executable, ...mode), await play(undefined, ...mode)];
  expect(ends.map(({ code }) => code)).toEqual([143, 7, 0, 125]);
  expect(ends[1]?.stdout).toBe(`${name} default/lock\n`);
  expect(comparable(ends)).toBe(comparable(expected));
});

test('the executable leaves NODE_OPTIONS to the command', async () => {
  const options = { NODE_OPTIONS: '--require /nonexistent.js', ...env };
  await using process = new CliProcess(undefined, ['demo'], { program: executable, env: options });
  expect(await process.end()).toMatchObject({ code: 0, stderr: '' });
});
