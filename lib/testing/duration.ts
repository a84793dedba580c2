/** What nearly all are: whole, and of one unit. */
const PLAIN = /^\d+(?:ms|s|m|h)$/;

const UNITS = ['ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h'];

/** What Go's `time.ParseDuration` says of a text that is no duration; `undefined` of one that is. */
export function durationProblem(text: string): string | undefined {
  if (PLAIN.test(text)) return undefined;
  const shown = JSON.stringify(text);
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return undefined;
  for (let rest = unsigned, first = true; rest !== '' || first; first = false) {
    const [number = ''] = /^\d*(?:\.\d*)?/.exec(rest) ?? [];
    if (!/\d/.test(number)) return `time: invalid duration ${shown}`;
    const [unit = ''] = /^[^\d.]*/.exec(rest.slice(number.length)) ?? [];
    if (unit === '') return `time: missing unit in duration ${shown}`;
    if (!UNITS.includes(unit)) {
      return `time: unknown unit ${JSON.stringify(unit)} in duration ${shown}`;
    }
    rest = rest.slice(number.length + unit.length);
  }
  return undefined;
}
