/**
 * Writes values as texts that are equal if the states of which they are parts have the same futures:
 * times count from now; versions, UIDs and names count by their order. The name of a field decides, so
 * a new field of a protocol's state needs no word here: `…Ms` is a time, as everywhere in this project.
 */

/** Longer ago than anything that is compared with it. */
const LONG_AGO_MS = -15_000;

/** After this many failures in a row, pauses do not get longer. */
const MANY = 6;

export interface Moment {
  /** A timer that is due before the next tick may fire now. */
  readonly tickMs: number;
  readonly nowMs: number;
  readonly bootMs: number;
  readonly dateMs: number;
}

type Kind = 'plain' | 'few' | 'now' | 'until' | 'timer' | 'boot' | 'wall' | 'skip' | Slot['kind'];

/** What can be written only when the whole state is known. */
interface Slot {
  readonly kind: 'version' | 'time' | 'name' | 'count';
  readonly value: string | number;
}

/** A value's text, with gaps for its slots. */
export interface Fragment {
  readonly texts: readonly string[];
  readonly slots: readonly Slot[];
}

const KINDS: Readonly<Record<string, Kind>> = {
  settings: 'skip',
  failures: 'few',
  conflicts: 'few',
  untilMs: 'timer',
  deadlineMs: 'plain',
  acquireTime: 'skip',
  random: 'skip',
  bootMs: 'boot',
  dateMs: 'wall',
  readMs: 'wall',
  renewTime: 'time',
  resourceVersion: 'version',
  token: 'version',
  uid: 'name',
  podUid: 'name',
  name: 'name',
  podName: 'name',
  attempt: 'name',
  holderIdentity: 'name',
  leaseTransitions: 'count',
};

const kinds = new Map<string, Kind>();

function kindOf(key: string): Kind {
  let kind = kinds.get(key);
  if (kind === undefined) {
    const byName = /until(Ms)?$/i.test(key) ? 'until' : key.endsWith('Ms') ? 'now' : 'plain';
    kinds.set(key, (kind = KINDS[key] ?? byName));
  }
  return kind;
}

/** Short texts for the words that there are: a search writes them millions of times. */
const codes = new Map<string, string>();

function codeOf(word: string): string {
  let code = codes.get(word);
  if (code === undefined) {
    const index = codes.size;
    const last = String.fromCharCode(0x80 + (index % 0x80));
    codes.set(word, (code = index < 0x80 ? last : `~${Math.floor(index / 0x80)}${last}`));
  }
  return code;
}

export function fragmentOf(value: unknown, moment: Moment): Fragment {
  const writer = new Writer(moment);
  writer.write(value, '');
  return { texts: [...writer.texts, writer.text], slots: writer.slots };
}

class Writer {
  readonly texts: string[] = [];
  readonly slots: Slot[] = [];
  readonly #moment: Moment;
  text = '';

  constructor(moment: Moment) {
    this.#moment = moment;
  }

  write(value: unknown, key: string): void {
    if (Array.isArray(value)) {
      this.text += '[';
      for (const each of value) this.write(each, key);
      this.text += ']';
    } else if (typeof value === 'object' && value !== null) {
      this.text += '{';
      for (const name in value) {
        const inner = (value as Record<string, unknown>)[name];
        if (inner === undefined || kindOf(name) === 'skip') continue;
        this.text += codeOf(name);
        this.write(inner, name);
      }
      this.text += '}';
    } else this.#primitive(value as string | number | boolean, kindOf(key));
  }

  #primitive(value: string | number | boolean, kind: Kind): void {
    const { nowMs, bootMs, dateMs } = this.#moment;
    switch (kind) {
      case 'now':
        this.#since(value as number, nowMs);
        return;
      case 'few':
        this.text += `${Math.min(value as number, MANY)} `;
        return;
      case 'boot':
        this.#since(value as number, bootMs);
        return;
      case 'wall':
        this.#since(value as number, dateMs);
        return;
      case 'until':
        // Once it is over, nothing depends on for how long it has been.
        this.text += `${Math.max((value as number) - nowMs, 0)} `;
        return;
      case 'timer': {
        const leftMs = (value as number) - nowMs;
        this.text += `${leftMs < this.#moment.tickMs ? 0 : leftMs} `;
        return;
      }
      case 'time':
        this.#slot(kind, Date.parse(value as string));
        // What is written at the same time looks the same.
        if (Date.parse(value as string) >= dateMs) this.text += '=';
        return;
      case 'version':
        this.#slot(kind, Number(value));
        return;
      case 'name':
      case 'count':
        this.#slot(kind, value as string | number);
        return;
      default:
        this.text += typeof value === 'number' ? `${value} ` : codeOf(String(value));
    }
  }

  #slot(kind: Slot['kind'], value: Slot['value']): void {
    this.slots.push({ kind, value });
    this.texts.push(this.text);
    this.text = '';
  }

  #since(ms: number, nowMs: number): void {
    this.text += `${Math.max(ms - nowMs, LONG_AGO_MS)} `;
  }
}

/** The text of a whole state. These names are known, and are written so. */
export function join(fragments: readonly Fragment[], known: Iterable<[string, string]>): string {
  const names = new Map<string | number, string>(known);
  const versions = ranked(fragments, 'version');
  const times = ranked(fragments, 'time');
  const counts = ranked(fragments, 'count');
  let text = '';
  for (const { texts, slots } of fragments) {
    text += texts[0] ?? '';
    for (const [index, { kind, value }] of slots.entries()) {
      if (kind === 'version') text += String(versions.indexOf(value as number));
      else if (kind === 'time') text += String(times.indexOf(value as number));
      else if (kind === 'count') text += String((value as number) - (counts[0] ?? 0));
      else {
        let name = names.get(value);
        if (name === undefined) names.set(value, (name = value === '' ? '-' : `n${names.size}`));
        text += name;
      }
      text += texts[index + 1] ?? '';
    }
    text += ';';
  }
  return text;
}

/** The numbers of one kind, each once, from the least on. */
function ranked(fragments: readonly Fragment[], kind: Slot['kind']): number[] {
  const found: number[] = [];
  for (const { slots } of fragments) {
    for (const slot of slots) {
      if (slot.kind === kind && !found.includes(slot.value as number)) {
        found.push(slot.value as number);
      }
    }
  }
  return found.sort((a, b) => a - b);
}
