/** JSON that can be read and compared line by line: each entry has one, and each element of an array of objects. */
export function toLines(value: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(value).map(([key, entry]) => {
    const isList = Array.isArray(entry) && entry.some((item) => typeof item === 'object');
    const text = isList
      ? `[\n${entry.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]`
      : JSON.stringify(entry);
    return `${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${entries.join(',\n')}\n}\n`;
}
