/** The options of the command line. One table describes an option to everything that needs it. */

/** The type of an option's value: a duration is in milliseconds. */
interface ValueTypes {
  flag: boolean;
  text: string;
  number: number;
  duration: number;
}

/** One option of a command. */
export interface Option {
  readonly type: keyof ValueTypes;
  /** One line for `--help`, without a full stop at the end. */
  readonly help: string;
  /** One letter that stands for the name, after one dash. */
  readonly short?: string;
  /** Stands for the value in `--help`. Not for a flag. */
  readonly placeholder?: string;
  /** The only values that are allowed. */
  readonly choices?: readonly string[];
  /** As it would be written on the command line. */
  readonly default?: string;
}

/** The options of a command, by their names without the dashes. */
export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O['type'] extends 'flag'
  ? ValueTypes[O['type']]
  : O extends { readonly default: string }
    ? ValueTypes[O['type']]
    : ValueTypes[O['type']] | undefined;

/** The environment. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The values of options. A flag that is left out is false. */
export type Values<O extends Options> = { readonly [Name in keyof O]: ValueOf<O[Name]> };

/** Bad use of the command line: the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;

/** Reads the value of an option. `source` is the option or the variable that holds the text. */
export function valueOf(option: Option, text: string, source: string): boolean | string | number {
  const { type, choices } = option;
  if (text.trim() === '')
    throw new UsageError(`${source} is empty. Give it a value, or leave it out.`);
  if (choices && !choices.includes(text)) {
    throw new UsageError(`${source} must be one of ${choices.join(', ')}, but is ${quote(text)}.`);
  }
  switch (type) {
    case 'flag':
      return flagOf(text, source);
    case 'number':
      return numberOf(text, source);
    case 'duration':
      return durationOf(text, source);
    case 'text':
      return text;
  }
}

function flagOf(text: string, source: string): boolean {
  if (['true', '1'].includes(text)) return true;
  if (['false', '0'].includes(text)) return false;
  throw new UsageError(`${source} must be true or false, but is ${quote(text)}.`);
}

function numberOf(text: string, source: string): number {
  if (/^[-+]?\d+$/.test(text)) return Number(text);
  throw new UsageError(`${source} must be a whole number, but is ${quote(text)}.`);
}

/** In milliseconds. A bare number is refused: `timeout` means seconds by it, JavaScript does not. */
function durationOf(text: string, source: string): number {
  if (!DURATION.test(text)) {
    throw new UsageError(
      `${source} must be a duration such as 500ms, 15s or 1m30s, but is ${quote(text)}.`,
    );
  }
  const parts = Array.from(text.matchAll(DURATION_PART));
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNIT_MS[unit] ?? 0), 0);
}

/** The variable that has the value of an option if the command line does not. */
export function variableOf(name: string): string {
  return `LEADER_FOR_LIFE_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** As text in a message, without control characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
