let last = { second: Number.NaN, text: '' };

/** `metav1.Time`: whole seconds. */
export function wireTime(date: Date): string {
  const second = Math.floor(date.getTime() / 1000);
  // Much is written within the same one.
  if (second !== last.second) last = { second, text: `${date.toISOString().slice(0, 19)}Z` };
  return last.text;
}

/** No year has more than four digits there. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** `wireTime` of a moment `seconds` after another, or of the last there is. */
export function wireTimeAfter(date: Date, seconds: number): string {
  return wireTime(new Date(Math.min(date.getTime() + seconds * 1000, LAST_MS)));
}

const MICRO_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})(Z|[+-]\d\d:\d\d)$/;

/** A MicroTime in UTC, or what Go's parser says against it. */
export function parseMicroTime(text: string): { time: string } | { problem: string } {
  const match = MICRO_TIME.exec(text);
  const [, seconds = '', micros = '', zone = ''] = match ?? [];
  const date = new Date(`${seconds}${zone}`);
  if (match && !Number.isNaN(date.getTime())) {
    return { time: `${date.toISOString().slice(0, 19)}.${micros}Z` };
  }
  return { problem: describe(text) };
}

function describe(text: string): string {
  const layout = `parsing time "${text}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse`;
  if (!/^\d{4}/.test(text)) return `${layout} "${text}" as "2006"`;
  const rest = text.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/, '');
  const afterFraction = rest.replace(/^\.\d{6}/, '');
  if (afterFraction !== rest) return `${layout} "${afterFraction}" as "Z07:00"`;
  return `${layout} "${rest}" as ".000000"`;
}
