import { describe, expect, it } from 'vitest';
import { type Command, defineCommand } from '../../lib/cli/command.ts';
import { UsageError } from '../../lib/cli/option.ts';
import { checkOperands, parse } from '../../lib/cli/parse.ts';

const command: Command = defineCommand({
  name: 'test',
  synopsis: 'test',
  summary: '',
  description: [],
  names: { min: 1, max: 2 },
  takesCommand: true,
  options: {
    lease: { type: 'flag', help: '' },
    'lease-duration': { type: 'duration', help: '' },
    cost: { type: 'number', help: '' },
    format: { type: 'text', choices: ['text', 'json'], default: 'text', help: '' },
    id: { type: 'text', help: '' },
  },
  run: () => Promise.resolve(0),
});

function values(args: string, variables: Record<string, string> = {}) {
  const { help, ...rest } = parse(command, args.split(' ').filter(Boolean), variables).values;
  expect(help).toBe(false);
  return rest;
}

const NONE = {
  lease: false,
  'lease-duration': undefined,
  cost: undefined,
  format: 'text',
  id: undefined,
};

describe('options', () => {
  it.each([
    ['', NONE],
    ['--lease', { ...NONE, lease: true }],
    ['--lease --no-lease', { ...NONE, lease: false }],
    ['--lease=true', { ...NONE, lease: true }],
    ['--lease --lease=false', { ...NONE, lease: false }],
    ['--lease-duration 15s', { ...NONE, 'lease-duration': 15_000 }],
    ['--lease-duration=1h1m1s1ms', { ...NONE, 'lease-duration': 3_661_001 }],
    ['--lease-duration 1.5s', { ...NONE, 'lease-duration': 1_500 }],
    ['--cost -5', undefined],
    ['--cost=-5', { ...NONE, cost: -5 }],
    ['--format json', { ...NONE, format: 'json' }],
    ['--id a --id b', { ...NONE, id: 'b' }],
  ])('%s', (args, expected) => {
    if (expected === undefined) expect(() => values(args)).toThrow(UsageError);
    else expect(values(args)).toEqual(expected);
  });

  it.each([
    [
      '--lease-duration 15',
      '--lease-duration must be a duration such as 500ms, 15s or 1m30s, but is "15".',
    ],
    ['--lease-duration s', '--lease-duration must be a duration such as'],
    ['--lease-duration=-1s', '--lease-duration must be a duration such as'],
    ['--cost 1.5', '--cost must be a whole number, but is "1.5".'],
    ['--format xml', '--format must be one of text, json, but is "xml".'],
    ['--id=', '--id is empty. Give it a value, or leave it out.'],
    ['--lease=yes', "Option '--lease' does not take an argument."],
    ['--id', "Option '--id <value>' argument missing."],
    ['--idd x', "Unknown option '--idd'."],
    ['-x', "Unknown option '-x'."],
  ])('%s is refused', (args, message) => {
    expect(() => values(args)).toThrow(UsageError);
    expect(() => values(args)).toThrow(message);
  });
});

describe('variables', () => {
  it.each([
    ['LEASE', 'true', { ...NONE, lease: true }],
    ['LEASE', '0', NONE],
    ['LEASE_DURATION', '2m', { ...NONE, 'lease-duration': 120_000 }],
    ['FORMAT', 'json', { ...NONE, format: 'json' }],
  ])('LEADER_FOR_LIFE_%s=%s', (name, value, expected) => {
    expect(values('', { [`LEADER_FOR_LIFE_${name}`]: value })).toEqual(expected);
  });

  it('give way to the command line', () => {
    const variables = { LEADER_FOR_LIFE_LEASE: 'true', LEADER_FOR_LIFE_ID: 'a' };
    expect(values('--no-lease --id b', variables)).toEqual({ ...NONE, id: 'b' });
  });

  it.each([
    ['LEASE', 'yes', 'LEADER_FOR_LIFE_LEASE must be true or false, but is "yes".'],
    ['LEASE_DURATION', '15', 'LEADER_FOR_LIFE_LEASE_DURATION must be a duration'],
    ['ID', '', 'LEADER_FOR_LIFE_ID is empty.'],
  ])('LEADER_FOR_LIFE_%s=%s is refused', (name, value, message) => {
    expect(() => values('', { [`LEADER_FOR_LIFE_${name}`]: value })).toThrow(message);
  });
});

describe('operands', () => {
  const check = (...args: string[]) => {
    const parsed = parse(command, args, {});
    checkOperands(command, parsed);
    return { names: parsed.names, command: parsed.command };
  };

  it('are names, and a command with options of its own', () => {
    expect(check('a', '--lease', 'b', '--', 'node', '--lease', '--', 'x')).toEqual({
      names: ['a', 'b'],
      command: ['node', '--lease', '--', 'x'],
    });
  });

  it.each([
    [['--', 'x'], 'A name is missing.'],
    [['a', 'b', 'c', '--', 'x'], '"c" is one argument too many. Write -- before the command.'],
    [['a'], 'The command to run is missing. Write it after --.'],
    [['a', '--'], 'The command to run is missing. Write it after --.'],
  ])('%j are refused', (args, message) => {
    expect(() => check(...args)).toThrow(new UsageError(message));
  });
});
