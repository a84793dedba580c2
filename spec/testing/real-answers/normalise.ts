/** An answer without what differs each time: UIDs, versions, times, and who manages which field. */
export interface PlainAnswer {
  readonly status: number;
  /** Parsed, a watch line by line; text that is no JSON as it is. */
  readonly body: readonly unknown[];
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isBookmark(line: unknown): boolean {
  return isObject(line) && line['type'] === 'BOOKMARK';
}

/** Numbers values in the order in which they first appear, so that equal ones stay equal. */
class Aliases {
  readonly #known = new Map<unknown, string>();
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  of(value: unknown): string {
    const alias = this.#known.get(value) ?? `${this.#prefix}-${this.#known.size + 1}`;
    this.#known.set(value, alias);
    return alias;
  }
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Strips the answers of one group of exchanges. */
export class Normaliser {
  readonly #uids = new Aliases('uid');
  readonly #versions = new Aliases('version');

  answer(status: number, text: string): PlainAnswer {
    const lines = text.startsWith('{"type":') ? text.trim().split('\n') : [text];
    const body = lines.map((line) => this.#line(line));
    // The real server adds one when it likes, and only its first says that the state was shown.
    const isRepeated = (line: unknown, at: number) => isBookmark(line) && isBookmark(body[at - 1]);
    return { status, body: body.filter((line, at) => !isRepeated(line, at)) };
  }

  #line(line: string): unknown {
    try {
      return this.#value(JSON.parse(line));
    } catch {
      return line;
    }
  }

  #value(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#value(item));
    if (!isObject(value)) return typeof value === 'string' ? this.#text(value) : value;
    const entries = Object.entries(value).map(([field, entry]): [string, unknown] =>
      field === 'metadata' && isObject(entry)
        ? [field, this.#metadata(entry, 'items' in value || !('name' in entry))]
        : [field, this.#value(entry)],
    );
    const plain = Object.fromEntries(entries);
    // Of these the model keeps what it was given; the real server adds dozens of defaults.
    if (isObject(plain['spec']) && 'containers' in plain['spec']) return withoutDefaults(plain);
    if (plain['kind'] === 'Node' && 'spec' in plain) return nameOf(plain);
    return plain;
  }

  #metadata(metadata: Json, isList: boolean): Json {
    const { managedFields: _, ...plain } = this.#value(metadata) as Json;
    if ('uid' in plain) plain['uid'] = this.#uids.of(metadata['uid']);
    for (const field of ['creationTimestamp', 'deletionTimestamp']) {
      if (field in plain) plain[field] = 'time';
    }
    if ('continue' in plain) plain['continue'] = 'token';
    if ('resourceVersion' in plain) {
      // A list's version counts what others write meanwhile.
      plain['resourceVersion'] = isList ? 'now' : this.#versions.of(metadata['resourceVersion']);
    }
    return plain;
  }

  #text(text: string): string {
    return text
      .replace(UUID, (uid) => this.#uids.of(uid))
      .replace(/current: \d+/, 'current: now')
      .replace(/in record \(\d+\)/, 'in record (version)');
  }
}

function withoutDefaults(pod: Json): Json {
  const { phase } = (pod['status'] ?? {}) as Json;
  return { ...pod, spec: 'spec', status: { phase } };
}

function nameOf({ kind, metadata }: Json): Json {
  const { name } = metadata as Json;
  return { kind, metadata: { name } };
}
