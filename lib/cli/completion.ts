import { type Command, defineCommand } from './command.ts';
import type { Option } from './option.ts';
import { UsageError, quote } from './option.ts';
import { HELP } from './parse.ts';

const shells: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash,
  zsh,
  fish,
};

export const completion = defineCommand({
  name: 'completion',
  synopsis: 'completion bash|zsh|fish',
  summary: 'Print a script that completes commands and options in a shell',
  description: [
    'Prints a script for a shell. bash: source <(leader-for-life completion bash). ' +
      'zsh: the same with zsh, after compinit. fish: leader-for-life completion fish | source.',
  ],
  names: { min: 1, max: 1 },
  options: {},
  async run({ names, context, allCommands }) {
    const [shell = ''] = names;
    const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
    if (!script) throw new UsageError(`${quote(shell)} is not bash, zsh or fish.`);
    context.print(script(await allCommands()));
    return 0;
  },
});

interface Completion {
  readonly name: string;
  readonly option: Option;
}

function optionsOf({ options }: Command): Completion[] {
  return Object.entries({ ...options, ...HELP }).map(([name, option]) => ({ name, option }));
}

/** After `--`, the words are those of another command. */
function bash(commands: readonly Command[]): string {
  const cases = commands.map(
    (command) => `    ${command.name}) words='${wordsOf(command).join(' ')}' ;;`,
  );
  const choices = commands
    .flatMap(optionsOf)
    .filter(({ option }) => option.choices)
    .map(({ name, option }) => `    --${name}) words='${(option.choices ?? []).join(' ')}' ;;`);
  return `_leader_for_life() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words index
  for ((index = 1; index < COMP_CWORD; index++)); do
    if [[ \${COMP_WORDS[index]} == -- ]]; then
      COMPREPLY=($(compgen -c -- "$current"))
      return
    fi
  done
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    *) words='' ;;
  esac
  if ((COMP_CWORD == 1)); then words='${commands.map(({ name }) => name).join(' ')} --help --version'; fi
  case $previous in
${[...new Set(choices)].join('\n')}
    --kubeconfig) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _leader_for_life leader-for-life kubectl-leader
`;
}

/** zsh runs completions of bash. */
function zsh(commands: readonly Command[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c $program -n __fish_use_subcommand -f -a ${command.name} -d '${escaped(command.summary)}'`,
    ...optionsOf(command).map(({ name, option }) => fishOption(command.name, name, option)),
    ...(command.name === 'completion' ? [fishShells()] : []),
  ]);
  return `for program in leader-for-life kubectl-leader\n${lines.map((line) => `  ${line}\n`).join('')}end\n`;
}

function fishOption(command: string, name: string, { type, choices, help }: Option): string {
  const values = choices ? ` -f -a '${choices.join(' ')}'` : '';
  const takes = type === 'flag' ? '' : ` -r${values}`;
  const when = `-n '__fish_seen_subcommand_from ${command}'`;
  return `complete -c $program ${when} -l ${name}${takes} -d '${escaped(help)}'`;
}

function fishShells(): string {
  const names = Object.keys(shells).join(' ');
  return `complete -c $program -n '__fish_seen_subcommand_from completion' -f -a '${names}'`;
}

function wordsOf(command: Command): string[] {
  const names = command.name === 'completion' ? Object.keys(shells) : [];
  return [...names, ...optionsOf(command).map(({ name }) => `--${name}`)];
}

function escaped(text: string): string {
  return text.replaceAll("'", "\\'");
}
