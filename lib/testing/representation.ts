import type { KubeObject } from './objects.ts';

/** What a client wants to see of an object: all of it, or its metadata only. */
export type Representation = 'full' | 'metadata';

// Objects are never changed in place, so the text of each is made once for all who read it.
const fullTexts = new WeakMap<KubeObject, string>();
const itemTexts = new WeakMap<KubeObject, string>();
const metadataTexts = new WeakMap<KubeObject, string>();

function cached(cache: WeakMap<KubeObject, string>, object: KubeObject, view: unknown): string {
  let text = cache.get(object);
  if (text === undefined) cache.set(object, (text = JSON.stringify(view)));
  return text;
}

/** The object's JSON. */
export function objectText(object: KubeObject, representation: Representation): string {
  const known = (representation === 'full' ? fullTexts : metadataTexts).get(object);
  if (known !== undefined) return known;
  if (representation === 'full') return cached(fullTexts, object, object);
  return cached(metadataTexts, object, {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: object.metadata,
  });
}

/** The object's JSON as an item of a list, which names neither kind nor version. */
export function itemText(object: KubeObject, representation: Representation): string {
  if (representation === 'metadata') return objectText(object, representation);
  const known = itemTexts.get(object);
  if (known !== undefined) return known;
  return cached(itemTexts, object, { ...object, kind: undefined, apiVersion: undefined });
}

/** What the `Accept` header asks for, or nothing when it is none of what is on offer. */
export function representationFor(accept: string | undefined): Representation | undefined {
  if (accept === undefined) return 'full';
  const ranges = accept.split(',').map((range) => range.trim());
  for (const range of ranges) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    if (as === undefined) return 'full';
    if (as.startsWith('PartialObjectMetadata')) return 'metadata';
  }
  return undefined;
}
