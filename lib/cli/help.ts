import type { Command } from './command.ts';
import { type Option, type Options, variableOf } from './option.ts';
import { HELP } from './parse.ts';

const WIDTH = 80;

/** The text of `leader-for-life COMMAND --help`. */
export function helpOf(command: Command): string {
  const paragraphs = command.description.map((text) => wrap(text, WIDTH));
  return [
    `Usage: leader-for-life ${command.synopsis}`,
    ...paragraphs,
    `Options:\n${optionLines({ ...command.options, ...HELP })}`,
    ...closingOf(command.options).map((text) => wrap(text, WIDTH)),
  ]
    .join('\n\n')
    .concat('\n');
}

/** How to write the options, if a command has any. */
function closingOf(options: Options): string[] {
  const [example] = 'log-format' in options ? ['log-format'] : Object.keys(options);
  if (example === undefined) return [];
  return [
    `An option that is left out is taken from a variable, if that is set: --${example} from ` +
      `${variableOf(example)}. --no-OPTION turns off what a variable turns on.` +
      (hasDuration(options) ? ' A duration is a number and a unit: 500ms, 15s, 1m30s.' : ''),
  ];
}

function hasDuration(options: Options): boolean {
  return Object.values(options).some(({ type }) => type === 'duration');
}

/** The text of `leader-for-life --help`. */
export function overview(commands: readonly Pick<Command, 'name' | 'summary'>[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return [
    'Usage: leader-for-life COMMAND [ARGUMENT…]',
    'Leader election for Kubernetes: of many replicas, one leads.',
    `Commands:\n${lines.join('\n')}`,
    'Options:\n  -h, --help     Print this text, or with a command its own, and exit\n' +
      '      --version  Print the version and exit',
    "Try 'leader-for-life COMMAND --help'. As kubectl-leader, it is 'kubectl leader COMMAND'.",
  ]
    .join('\n\n')
    .concat('\n');
}

function optionLines(options: Options): string {
  const entries = Object.entries(options).map(([name, option]) => ({
    left: leftOf(name, option),
    option,
  }));
  const width = Math.max(...entries.map(({ left }) => left.length)) + 2;
  return entries
    .map(({ left, option }) => {
      const text = wrap(rightOf(option), WIDTH - width).split('\n');
      return text
        .map((line, index) => `${(index === 0 ? left : '').padEnd(width)}${line}`)
        .join('\n');
    })
    .join('\n');
}

function leftOf(name: string, { type, placeholder, short }: Option): string {
  const letter = short === undefined ? '    ' : `-${short}, `;
  return `  ${letter}--${name}${type === 'flag' ? '' : ` ${placeholder ?? name.toUpperCase()}`}`;
}

function rightOf({ help, default: value }: Option): string {
  return `${help}${value === undefined ? '' : ` (default ${value})`}`;
}

/** Breaks a text between words. */
function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines.join('\n');
}
