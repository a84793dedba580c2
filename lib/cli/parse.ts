import type { Command } from './command.ts';
import {
  type Option,
  type Options,
  type Variables,
  UsageError,
  quote,
  valueOf,
  variableOf,
} from './option.ts';

type Value = boolean | string | number | undefined;

/** An `import` of it would load all of `node:util`, with 3 MB of worker threads. */
const { parseArgs } = process.getBuiltinModule('node:util');

/** The arguments of a command, read. */
export interface Parsed {
  readonly values: Readonly<Record<string, Value>>;
  readonly names: readonly string[];
  readonly command: readonly string[];
}

/** The option that every command has. */
export const HELP = {
  help: { type: 'flag', short: 'h', help: 'Print this text and exit' },
} as const satisfies Options;

/** Reads the arguments of a command. Options that are left out come from the environment. */
export function parse(command: Command, args: readonly string[], variables: Variables): Parsed {
  const options = { ...command.options, ...HELP };
  const end = command.takesCommand ? args.indexOf('--') : -1;
  const own = end === -1 ? args : args.slice(0, end);
  const { values: given, positionals } = parsed(options, own);
  const values = Object.entries(options).map(([name, option]) => {
    const value = given[name] ?? fromVariables(name, option, variables);
    return [name, typed(option, `--${name}`, value)] as const;
  });
  const rest = end === -1 ? [] : args.slice(end + 1);
  return { values: Object.fromEntries(values), names: positionals, command: rest };
}

/** Throws unless the names and the command are there, as the command's table says. */
export function checkOperands(command: Command, { names, command: rest }: Parsed): void {
  const { min, max } = command.names;
  if (names.length < min) throw new UsageError('A name is missing.');
  if (names.length > max) {
    const surplus = quote(names[max] ?? '');
    const hint = command.takesCommand ? ' Write -- before the command.' : '';
    throw new UsageError(`${surplus} is one argument too many.${hint}`);
  }
  if (command.takesCommand && rest.length === 0) {
    throw new UsageError('The command to run is missing. Write it after --.');
  }
}

type Given = Readonly<Record<string, string | boolean | undefined>>;

function parsed(
  options: Options,
  args: readonly string[],
): { values: Given; positionals: string[] } {
  const config = Object.entries(options).map(([name, { type, short }]) => {
    const forName = type === 'flag' ? 'boolean' : 'string';
    return [name, { type: forName, ...(short !== undefined && { short }) } as const] as const;
  });
  try {
    return parseArgs({
      args: args.map((arg) => plain(options, arg)),
      options: Object.fromEntries(config),
      allowPositionals: true,
      allowNegative: true,
    });
  } catch (error) {
    throw new UsageError(messageOf(error as Error));
  }
}

/** A flag as Go's programs and kubectl take it, `--flag=true`, in the form that `parseArgs` knows. */
function plain(options: Options, arg: string): string {
  const [, name = '', value] = /^--([^=]+)=(true|false)$/.exec(arg) ?? [];
  const isFlag = Object.hasOwn(options, name) && options[name]?.type === 'flag';
  return isFlag ? `--${value === 'true' ? '' : 'no-'}${name}` : arg;
}

/** Node.js's own words, without its advice about positional arguments. */
function messageOf({ message }: Error): string {
  const [first = message] = message.split(/\. |\n/);
  return `${first.replace(/\.$/, '')}.`;
}

function fromVariables(name: string, option: Option, variables: Variables): Value {
  const variable = variableOf(name);
  const text = variables[variable];
  return text === undefined ? undefined : valueOf(option, text, variable);
}

function typed(option: Option, source: string, value: Value): Value {
  const { type } = option;
  if (type === 'flag') return value === true;
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return valueOf(option, value, source);
  return option.default === undefined ? undefined : valueOf(option, option.default, source);
}
