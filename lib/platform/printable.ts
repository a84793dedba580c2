/** Makes text from elsewhere safe for a log, a message, a terminal. */

/**
 * Characters that write lines of their own, control a terminal, or change the reading direction.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Nobody reads further, and a log need not keep it. */
const MAX_LENGTH = 4_000;

/** The message of a thrown value, which may be anything; never empty. */
export function messageOf(error: unknown): string {
  try {
    return textOf(error);
  } catch {
    return 'something that cannot be shown';
  }
}

function textOf(error: unknown): string {
  const { message, errors, name } = Object(error) as Partial<AggregateError>;
  if (typeof message !== 'string') return String(error) || 'no reason given';
  if (message !== '') return message;
  // For a host with several addresses, there is an error for each, inside one without a message.
  if (Array.isArray(errors) && errors.length > 0) return errors.map(messageOf).join('; ');
  return `${name ?? 'an error'} without a message`;
}

/** The text as one printable line. */
export function printable(text: string): string {
  const part = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}\u2026` : text;
  return part.replace(UNPRINTABLE, ' ');
}

/** The same line by line, for our own texts with several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** A duration for people. */
export function duration(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
