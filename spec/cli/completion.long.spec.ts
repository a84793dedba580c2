import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CliProcess } from './cli-process.ts';
import { cli } from './help.ts';

const execute = promisify(execFile);

/** What bash offers for the last of these words. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout: script } = await cli(['completion', 'bash']);
  const line = ['leader-for-life', ...words].map((word) => `'${word}'`).join(' ');
  const program = `${script}
    COMP_WORDS=(${line}); COMP_CWORD=${words.length}
    _leader_for_life
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execute('bash', ['-c', program]);
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completion', () => {
  it.each([
    [['r'], ['run', 'rbac']],
    [['--v'], ['--version']],
    [
      ['run', '--lease'],
      ['--lease', '--lease-duration'],
    ],
    [['rbac', '--ob'], ['--observe']],
    [['run', '--log-format', 'j'], ['json']],
    [['completion', 'f'], ['fish']],
  ])('in bash, of %j', async (words, expected) => {
    expect(await offered(...words)).toEqual(expected);
  });

  it('in bash, after --, is of commands', async () => {
    expect(await offered('run', 'lock', '--', 'unam')).toContain('uname');
  });

  it('is printed by the program', async () => {
    await using process = new CliProcess(undefined, ['completion', 'bash']);
    const { stdout } = await cli(['completion', 'bash']);
    expect(await process.end()).toMatchObject({ code: 0, stdout, stderr: '' });
  });
});

describe('the program', () => {
  it.each([
    [['--version'], 0],
    [['run', '--help'], 0],
    [['rbac', 'lock', '--namespace', 'default'], 0],
    [['rbac'], 2],
    [['no-command'], 2],
    [[], 2],
  ])('does for %j what main does', async (args, code) => {
    await using process = new CliProcess(undefined, args);
    expect(await process.end()).toEqual({ signal: null, ...(await cli(args)), code });
  });
});
