import { inspect } from 'node:util';

import createDebug from 'debug';
import { expect } from 'vitest';

import { LeaderElectionError } from '../../lib/errors.ts';

/** Everything that this library lets anybody see: the log, and whatever else is handed in. */
export class Witness implements Disposable {
  readonly lines: string[] = [];
  readonly warnings: string[] = [];
  readonly #log = createDebug.log;

  constructor() {
    createDebug.enable('leader-for-life:*');
    createDebug.log = (...args: unknown[]) => {
      this.lines.push(args.map(String).join(' '));
    };
  }

  readonly warn = (message: string, code: string): void => {
    this.warnings.push(`${code}: ${message}`);
  };

  [Symbol.dispose](): void {
    createDebug.disable();
    createDebug.log = this.#log;
  }
}

/** All that a value shows, however it is looked at. */
export function shown(value: unknown): string[] {
  const seen: string[] = [inspect(value, { depth: 12, showHidden: true, getters: true })];
  for (let at = value, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    const own = Object.fromEntries(
      Object.getOwnPropertyNames(at)
        .filter((name) => name !== 'cause')
        .map((name) => [name, (at as unknown as Record<string, unknown>)[name]]),
    );
    seen.push(String(at), at.stack ?? '', json(own));
  }
  return [...seen, json(value)];
}

function json(value: unknown): string {
  const known = new Set<unknown>();
  const text = JSON.stringify(value, (_, item: unknown) => {
    const bytes = bytesOf(item);
    if (bytes) return bytes.toString('latin1');
    if (typeof item === 'bigint') return String(item);
    if (typeof item !== 'object' || item === null) return item;
    if (known.has(item)) return undefined;
    known.add(item);
    return item;
  }) as string | undefined;
  return text ?? '';
}

/** A Buffer has been turned to JSON by the time at which a replacer sees it. */
function bytesOf(item: unknown): Buffer | undefined {
  if (ArrayBuffer.isView(item)) return Buffer.from(item.buffer, item.byteOffset, item.byteLength);
  const { type, data } = Object(item) as { readonly type?: unknown; readonly data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data) : undefined;
}

/** Fails where a text from elsewhere controls a terminal, turns texts, or begins a line. */
export function expectHarmless(texts: readonly string[], { lines }: { readonly lines: boolean }) {
  for (const text of texts) {
    expect(lines ? text.replaceAll('\n', '') : text).not.toMatch(
      /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u,
    );
    expect(text).not.toMatch(/^\W*(b: )?INJECTED/m);
    expect(text.length).toBeLessThan(20_000);
  }
}

/** Fails where this is no error that the documentation tells of. */
export function expectTyped(error: unknown): void {
  const isTyped =
    error instanceof LeaderElectionError ||
    (error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_ARGUMENT');
  expect(isTyped, String(error instanceof Error ? error.stack : error)).toBe(true);
  expectHarmless([String(error)], { lines: true });
}
