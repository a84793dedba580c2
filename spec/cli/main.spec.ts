import { describe, expect, it } from 'vitest';
import { allCommands, commands } from '../../lib/cli/commands.ts';
import { variableOf } from '../../lib/cli/option.ts';
import { version } from '../../lib/version.ts';
import { read } from '../public/project.ts';
import { cli, page } from './help.ts';

const all = await allCommands();

describe('the command line', () => {
  it('says its version', async () => {
    expect(await cli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([['--help'], ['-h']])('lists its commands with %s', async (flag) => {
    const { code, stdout, stderr } = await cli([flag]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { name, summary } of all)
      expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
  });

  it('lists them as an error without a command', async () => {
    const { code, stdout, stderr } = await cli([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe((await cli(['--help'])).stdout);
  });

  it("takes the flags of contrib's leader-elector, which had no commands", async () => {
    const flags = ['--http=localhost:4040', '--use-cluster-credentials=true', '--ttl=1ms'];
    const { code, stderr } = await cli([...flags, '--election=a']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'leader-for-life: error: --ttl must be a whole number of seconds, at least 1s. ' +
        "See 'leader-for-life serve --help'.\n",
    });
  });

  it.each(['rum', 'toString', '--lease'])('refuses the command %s', async (name) => {
    const known = Object.keys(commands).join(', ');
    expect(await cli([name])).toEqual({
      code: 2,
      stdout: '',
      stderr: `leader-for-life: "${name}" is no command. The commands are ${known}.\n`,
    });
  });
});

describe.each(Object.keys(commands))('%s', (name) => {
  const command = all.find((each) => each.name === name);

  it('has the name that it is called by', () => {
    expect(command?.name).toBe(name);
    expect(command?.synopsis).toMatch(new RegExp(`^${name}\\b`));
  });

  it.each(['--help', '-h'])('prints its help with %s, which names every option', async (flag) => {
    const { code, stdout, stderr } = await cli([name, 'a', flag]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const options = Array.from(
      stdout.matchAll(/^ +(?:-\w, )?--([-a-z]+)/gm),
      ([, option]) => option,
    );
    expect(options).toEqual([...Object.keys(command?.options ?? {}), 'help']);
  });

  it('has help with an option of its own as the example of a variable', async () => {
    const { stdout } = await cli([name, '--help']);
    const examples = Array.from(stdout.matchAll(/--([-a-z]+)\sfrom\s/g), ([, option]) => option);
    const own = Object.keys(command?.options ?? {});
    expect(examples).toHaveLength(own.length > 0 ? 1 : 0);
    expect(own).toEqual(expect.arrayContaining(examples));
  });

  it('has help that fits on a terminal', async () => {
    const { stdout } = await cli([name, '--help']);
    expect(stdout.split('\n').filter(({ length }) => length > 80)).toEqual([]);
  });

  it('refuses an unknown option, in a line', async () => {
    const { code, stdout, stderr } = await cli([name, '--unknown']);
    expect({ code, stdout }).toEqual({ code: command?.exitCodes?.usage ?? 2, stdout: '' });
    expect(stderr).toBe(
      `leader-for-life: error: Unknown option '--unknown'. See 'leader-for-life ${name} --help'.\n`,
    );
  });

  it('has options that no Service of a namespace sets by its name', () => {
    const variables = Object.keys(command?.options ?? {}).map(variableOf);
    expect(
      variables.filter((variable) => /_(?:PORT|SERVICE_HOST|SERVICE_PORT)/.test(variable)),
    ).toEqual([]);
  });

  it('has its help in docs/cli.md', () => {
    expect(read('docs/cli.md')).toContain(`<!-- help ${name} -->`);
  });

  it('has its exit codes in docs/cli.md', () => {
    const [, row = ''] =
      new RegExp(`^\\| \`${name}\` +\\|(.*)`, 'm').exec(read('docs/cli.md')) ?? [];
    const { failure, usage } = command?.exitCodes ?? { failure: 1, usage: 2 };
    const timeout = 'timeout' in (command?.options ?? {}) ? '124' : '-';
    const codes = row.split('|').map((cell) => cell.trim());
    expect(codes.slice(0, 3)).toEqual([`${failure}`, `${usage}`, timeout]);
  });
});

it('docs/cli.md has the help texts of today: node spec/cli/help.ts --write', async () => {
  expect(read('docs/cli.md')).toBe(await page());
});
