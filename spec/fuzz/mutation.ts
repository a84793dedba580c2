/** Changes one thing in a text that is JSON, with no regard for what it means. */
import fc from 'fast-check';

import { hostileJson } from './hostile.ts';

/** A tree of JSON as it is written, so that a key can be there twice and a number be any number. */
type Node =
  | { readonly kind: 'raw'; text: string }
  | { readonly kind: 'object'; readonly entries: [string, Node][] }
  | { readonly kind: 'array'; readonly items: Node[] };

/** Which node, and what becomes of it; the number is taken modulo that of the nodes. */
export type Edit =
  | { readonly at: number; readonly do: 'replace'; readonly by: string }
  | { readonly at: number; readonly do: 'delete' | 'repeat' | 'wrap' | 'retype' | 'rename' }
  | { readonly at: number; readonly do: 'copy'; readonly from: number };

/** What becomes of a text as a whole. */
export type Damage =
  | { readonly do: 'truncate'; readonly at: number }
  | { readonly do: 'insert'; readonly at: number; readonly text: string }
  | { readonly do: 'become'; readonly what: keyof typeof wholes };

const position = fc.nat({ max: 10_000 });

export const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      at: position,
      do: fc.constant('replace' as const),
      by: fc.constantFrom(...hostileJson),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      at: position,
      do: fc.constantFrom('delete', 'repeat', 'wrap', 'retype', 'rename'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ at: position, do: fc.constant('copy' as const), from: position }),
  },
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

export const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ do: fc.constant('truncate' as const), at: position }),
  fc.record({
    do: fc.constant('insert' as const),
    at: position,
    text: fc.constantFrom('\u0000', '"', '}', ',', '\n', '{"a":1}', '\ud800', '\u001b[31m'),
  }),
  fc.record({
    do: fc.constant('become' as const),
    what: fc.constantFrom(...(Object.keys(wholes) as (keyof typeof wholes)[])),
  }),
);

export function damaged(text: string, what: Damage): string {
  if (what.do === 'become') return wholes[what.what];
  const at = text.length === 0 ? 0 : what.at % text.length;
  return what.do === 'truncate'
    ? text.slice(0, at)
    : text.slice(0, at) + what.text + text.slice(at);
}

/** The text with each edit made; as it is, if it is no JSON. */
export function edited(text: string, edits: readonly Edit[]): string {
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
  switch (node.kind) {
    case 'raw':
      return node.text;
    case 'array':
      return `[${node.items.map(written).join(',')}]`;
    case 'object':
      return `{${node.entries.map(([key, item]) => `${JSON.stringify(key)}:${written(item)}`).join(',')}}`;
  }
}

/** Where a node is: what to put in its place, if anything. */
interface Slot {
  readonly node: Node;
  put(...nodes: readonly Node[]): void;
  rename(): void;
}

function slots(parent: Node): Slot[] {
  if (parent.kind === 'raw') return [];
  if (parent.kind === 'array') {
    const { items } = parent;
    return items.flatMap((node) => [
      {
        node,
        put: (...nodes: readonly Node[]) => void items.splice(items.indexOf(node), 1, ...nodes),
        rename: () => undefined,
      },
      ...slots(node),
    ]);
  }
  const { entries } = parent;
  return entries.flatMap((entry) => [
    {
      node: entry[1],
      put: (...nodes: readonly Node[]) => {
        const named = nodes.map((node): [string, Node] => [entry[0], node]);
        entries.splice(entries.indexOf(entry), 1, ...named);
      },
      rename: () => void (entry[0] = '__proto__'),
    },
    ...slots(entry[1]),
  ]);
}

function apply(root: Node, change: Edit): void {
  const all = slots(root);
  const slot = all[change.at % Math.max(all.length, 1)];
  if (!slot) return;
  const { node } = slot;
  switch (change.do) {
    case 'replace':
      slot.put({ kind: 'raw', text: change.by });
      break;
    case 'delete':
      slot.put();
      break;
    case 'repeat':
      slot.put(node, { kind: 'raw', text: 'null' }, clone(node));
      break;
    case 'wrap':
      slot.put({ kind: 'array', items: [node] });
      break;
    case 'retype':
      slot.put({ kind: 'raw', text: retyped(written(node)) });
      break;
    case 'rename':
      slot.rename();
      break;
    case 'copy':
      slot.put(clone(all[change.from % all.length]?.node ?? node));
      break;
  }
}

function clone(node: Node): Node {
  return structuredClone(node);
}

/** A text as a number, anything else as a text. */
function retyped(text: string): string {
  const isText = text.startsWith('"');
  return isText ? String(Number.parseFloat(text.slice(1)) || 0) : JSON.stringify(text);
}
