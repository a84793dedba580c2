import { version } from '../version.ts';
import { type Command, Exit } from './command.ts';
import { allCommands, commands } from './commands.ts';
import { type Output, contextOf } from './context.ts';
import { planCrash } from './crash.ts';
import { helpOf, overview } from './help.ts';
import { eventWriter } from './log.ts';
import { messageOf } from '../platform/printable.ts';
import { UsageError, type Variables, quote } from './option.ts';
import { checkOperands, parse } from './parse.ts';
import { Interrupted } from './stop.ts';

const FAILURE = 1;
const USAGE = 2;

/** Runs the command line, and resolves with its exit code. Errors are a line on stderr, no stack. */
export async function main(
  args: readonly string[],
  variables: Variables,
  output: Output,
): Promise<number> {
  const [name, ...rest] = withCommand(args);
  if (name === '--version') {
    output.stdout(`${version}\n`);
    return 0;
  }
  if (name === undefined || name === '--help' || name === '-h') {
    const text = overview(await allCommands());
    (name === undefined ? output.stderr : output.stdout)(text);
    return name === undefined ? USAGE : 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!load) {
    const known = Object.keys(commands).join(', ');
    output.stderr(`leader-for-life: ${quote(name)} is no command. The commands are ${known}.\n`);
    return USAGE;
  }
  return runCommand(await load(), rest, variables, output);
}

/** contrib's leader-elector had flags and no commands, and its manifests have nothing else. */
function withCommand(args: readonly string[]): readonly string[] {
  const isContribs = args[0]?.startsWith('--') && args.some((arg) => /^--election(=|$)/.test(arg));
  return isContribs ? ['serve', ...args] : args;
}

async function runCommand(
  command: Command,
  args: readonly string[],
  variables: Variables,
  output: Output,
): Promise<number> {
  const { failure, usage } = command.exitCodes ?? { failure: FAILURE, usage: USAGE };
  let format = variables['LEADER_FOR_LIFE_LOG_FORMAT'];
  try {
    const parsed = parse(command, args, variables);
    if (parsed.values['help'] === true) {
      output.stdout(helpOf(command));
      return 0;
    }
    checkOperands(command, parsed);
    const { values, names, command: rest } = parsed;
    const context = contextOf(values, variables, output);
    format = context.logFormat;
    planCrash({ exitCode: failure, say: context.say });
    return await command.run({ values, names, command: rest, context, allCommands });
  } catch (error) {
    const { exitCode, message } = failureOf(error, command, { failure, usage });
    const { say } = eventWriter(format === 'json' ? 'json' : 'text', output.stderr);
    if (message !== '') say(message, 'error');
    return exitCode;
  }
}

interface Failure {
  readonly exitCode: number;
  readonly message: string;
}

function failureOf(
  error: unknown,
  { name }: Command,
  { failure, usage }: { readonly failure: number; readonly usage: number },
): Failure {
  if (error instanceof Interrupted) return { exitCode: error.exitCode, message: '' };
  if (error instanceof Exit) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof UsageError) {
    const hint = `See 'leader-for-life ${name} --help'.`;
    return { exitCode: usage, message: `${error.message} ${hint}` };
  }
  const message = messageOf(error);
  const { code } = Object(error) as { code?: unknown };
  if (code === 'ERR_INVALID_ARGUMENT') return { exitCode: usage, message: asOption(message) };
  const known = typeof code === 'string' && code.startsWith('ERR_') ? ` (${code})` : '';
  // A Role to apply may follow the first line.
  return { exitCode: failure, message: message.replace(/(?=\n|$)/, known) };
}

/** The library's own words about an option, in those of the command line. */
function asOption(message: string): string {
  return message
    .replace(/^(?:lockName|leaseName) /, 'The name ')
    .replace(/\boptions\.(\w+?)(?:Ms)?\b/g, (_, name: string) => {
      return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    });
}
