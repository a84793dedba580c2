/** Reads parsed JSON without trusting its shape: a value of an unexpected type is undefined. */

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function child(value: unknown, key: string): Json {
  const found = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return isObject(found) ? found : {};
}

export function text(value: unknown, key: string): string | undefined {
  const found = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof found === 'string' ? found : undefined;
}

export function list(value: unknown, key: string): readonly unknown[] {
  const found = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return Array.isArray(found) ? found : [];
}

/** When an object was created, as the API server says. */
export function creationTime(object: unknown): string | undefined {
  return text(child(object, 'metadata'), 'creationTimestamp');
}

/** Whether there is a value, of any type. */
export function isGiven(value: unknown, key: string): boolean {
  return isObject(value) && Object.hasOwn(value, key) && (value[key] ?? undefined) !== undefined;
}
