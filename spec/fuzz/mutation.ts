/** Changes one thing in a text that is JSON, with no regard for what it means. */
import fc from 'fast-check';

import { hostileJson } from './hostile.ts';

/** A tree of JSON as it is written, so that a key can be there twice and a number be any number. */
type Node =
  | { readonly kind: 'raw'; text: string }
  | { readonly kind: 'object'; readonly entries: [string, Node][] }
  | { readonly kind: 'array'; readonly items: Node[] };

/** Which node, and what becomes of it; the number is taken modulo that of the nodes. */
type Edit =
  | { readonly at: number; readonly do: 'replace'; readonly by: string }
  | { readonly at: number; readonly do: 'delete' | 'repeat' | 'wrap' | 'retype' | 'rename' }
  | { readonly at: number; readonly do: 'copy'; readonly from: number };

/** What becomes of a text as a whole. */
type Damage =
  | { readonly do: 'truncate'; readonly at: number }
  | { readonly do: 'insert'; readonly at: number; readonly text: string }
  | { readonly do: 'become'; readonly what: keyof typeof wholes };

const at = fc.nat({ max: 10_000 });
const one = <T extends string>(kind: T) => fc.constant(kind);
const replace = fc.record({ at, do: one('replace'), by: fc.constantFrom(...hostileJson) });
const kinds = fc.constantFrom('delete', 'repeat', 'wrap', 'retype', 'rename');

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 4, arbitrary: replace },
  { weight: 4, arbitrary: fc.record({ at, do: kinds }) },
  { weight: 1, arbitrary: fc.record({ at, do: one('copy'), from: at }) },
);

/** Whole answers, by names that are short enough to be printed. */
const wholes = {
  nothing: '',
  blank: ' ',
  null: 'null',
  boolean: 'true',
  number: '0',
  text: '""',
  list: '[]',
  object: '{}',
  'list of objects': '[{}]',
  'open object': '{',
  'open text': '"',
  'NUL character': '\u0000',
  'byte order mark': '\ufeff{}',
  page: '<html><body>502 Bad Gateway</body></html>',
  status: '{"kind":"Status","status":"Failure","code":"409","reason":"AlreadyExists"}',
  nesting: '['.repeat(50_000),
  'long names': `{"metadata":{"uid":"${'u'.repeat(1_000_000)}","resourceVersion":"${'9'.repeat(1_000_000)}"}}`,
  'no holder': '{"metadata":{"name":"lock","uid":"nobody","resourceVersion":"1"}}',
  'another holder':
    '{"metadata":{"name":"lock","uid":"nobody","resourceVersion":"1","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"x","uid":"x"}]},"spec":{"holderIdentity":"x","leaseDurationSeconds":15,"leaseTransitions":1}}',
} as const;

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ at, do: one('truncate') }),
  fc.record({
    at,
    do: one('insert'),
    text: fc.constantFrom('\u0000', '"', '}', ',', '\n', '{"a":1}', '\ud800', '\u001b[31m'),
  }),
  fc.record({
    do: one('become'),
    what: fc.constantFrom(...(Object.keys(wholes) as (keyof typeof wholes)[])),
  }),
);

/** What becomes of a text. */
export interface Changes {
  readonly edits: readonly Edit[];
  readonly damage: Damage | undefined;
}

export const changes: fc.Arbitrary<Changes> = fc.record({
  edits: fc.array(edit, { maxLength: 3 }),
  damage: fc.option(damage, { nil: undefined, freq: 3 }),
});

export function changed(text: string, { edits, damage: what }: Changes): string {
  const result = edited(text, edits);
  return what ? damaged(result, what) : result;
}

function damaged(text: string, what: Damage): string {
  if (what.do === 'become') return wholes[what.what];
  const at = text.length === 0 ? 0 : what.at % text.length;
  return what.do === 'truncate'
    ? text.slice(0, at)
    : text.slice(0, at) + what.text + text.slice(at);
}

/** The text with each edit made; as it is, if it is no JSON. */
function edited(text: string, edits: readonly Edit[]): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const root: Node = { kind: 'array', items: [toNode(value)] };
  for (const change of edits) apply(root, change);
  return root.items.map(written).join('');
}

function toNode(value: unknown): Node {
  if (Array.isArray(value)) return { kind: 'array', items: value.map(toNode) };
  if (typeof value !== 'object' || value === null) {
    return { kind: 'raw', text: JSON.stringify(value) };
  }
  const entries = Object.entries(value).map(([key, item]): [string, Node] => [key, toNode(item)]);
  return { kind: 'object', entries };
}

function written(node: Node): string {
  if (node.kind === 'raw') return node.text;
  if (node.kind === 'array') return `[${node.items.map(written).join()}]`;
  const entries = node.entries.map(([key, item]) => `${JSON.stringify(key)}:${written(item)}`);
  return `{${entries.join()}}`;
}

/** Where a node is: what to put in its place, if anything. */
interface Slot {
  readonly node: Node;
  readonly put: (...nodes: readonly Node[]) => void;
  readonly rename: () => void;
}

function slots(parent: Node): Slot[] {
  if (parent.kind === 'raw') return [];
  if (parent.kind === 'array') {
    const { items } = parent;
    return items.flatMap((node) => {
      const put: Slot['put'] = (...nodes) => void items.splice(items.indexOf(node), 1, ...nodes);
      return [{ node, put, rename: () => undefined }, ...slots(node)];
    });
  }
  const { entries } = parent;
  return entries.flatMap((entry) => {
    const put: Slot['put'] = (...nodes) => {
      const named = nodes.map((node): [string, Node] => [entry[0], node]);
      entries.splice(entries.indexOf(entry), 1, ...named);
    };
    const rename = () => void (entry[0] = '__proto__');
    return [{ node: entry[1], put, rename }, ...slots(entry[1])];
  });
}

function apply(root: Node, change: Edit): void {
  const all = slots(root);
  const slot = all[change.at % Math.max(all.length, 1)];
  if (!slot) return;
  const { node, put } = slot;
  if (change.do === 'replace') put({ kind: 'raw', text: change.by });
  if (change.do === 'delete') put();
  if (change.do === 'repeat') put(node, { kind: 'raw', text: 'null' }, structuredClone(node));
  if (change.do === 'wrap') put({ kind: 'array', items: [node] });
  if (change.do === 'retype') put({ kind: 'raw', text: retyped(written(node)) });
  if (change.do === 'rename') slot.rename();
  if (change.do === 'copy') put(structuredClone(all[change.from % all.length]?.node ?? node));
}

/** A text as a number, anything else as a text. */
function retyped(text: string): string {
  const isText = text.startsWith('"');
  return isText ? String(Number.parseFloat(text.slice(1)) || 0) : JSON.stringify(text);
}
