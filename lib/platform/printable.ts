/** Makes texts from elsewhere fit for a log, a message, a terminal. */

/** What would write lines of its own, control a terminal, or turn the direction of reading. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Nobody reads further, and no log has to keep it. */
const MAX_LENGTH = 4_000;

/** What was thrown, in words; it may be anything. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** One line of it. */
export function printable(text: string): string {
  const part = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return part.replace(UNPRINTABLE, ' ');
}

/** The same line by line, for texts of our own that have several. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
