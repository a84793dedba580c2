import type { Context } from './context.ts';
import type { Options, Values } from './option.ts';

/** What a command was asked to do. */
export interface Invocation<O extends Options> {
  readonly values: Values<O>;
  /** The names on the command line. */
  readonly names: readonly string[];
  /** The command after `--`; empty without one. */
  readonly command: readonly string[];
  readonly context: Context;
  /** All commands, for completion. */
  readonly allCommands: () => Promise<readonly Command[]>;
}

/** One command of the command line. Parsing, `--help`, completion and docs/cli.md follow from it. */
export interface Command<O extends Options = Options> {
  readonly name: string;
  /** Follows `leader-for-life` in `--help`. */
  readonly synopsis: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs for `--help`: what it does, when it ends, with which exit code. */
  readonly description: readonly string[];
  readonly options: O;
  /** How many names it takes. */
  readonly names: { readonly min: number; readonly max: number };
  /** Whether it takes a command to run, after `--`. */
  readonly takesCommand?: boolean;
  /** Exit codes of its own: a failure is 1 and bad usage 2, unless these say otherwise. */
  readonly exitCodes?: { readonly failure: number; readonly usage: number };
  /** Does it. Resolves with the exit code. */
  run(invocation: Invocation<O>): Promise<number>;
}

/** Gives the values of `run` their types, and makes a command of the common type. */
export function defineCommand<const O extends Options>(command: Command<O>): Command {
  return command;
}

/** Ends the program with this exit code and, if the message is not empty, with a line on stderr. */
export class Exit extends Error {
  override readonly name = 'Exit';
  readonly exitCode: number;

  constructor(exitCode: number, message = '') {
    super(message);
    this.exitCode = exitCode;
  }
}
