import { decode, DecodeError } from './decode.ts';
import type { DeleteOptions } from './object-parts.ts';
import { asObject, asText, type JsonObject, type KubeObject } from './objects.ts';
import { apiVersionOf, byKind, byPlural, type ResourceType } from './resource-type.ts';
import { badRequest, conflict, internalError, invalid, invalidValue } from './status.ts';
import { metadataProblems } from './validation.ts';

const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

export function validate(
  type: ResourceType,
  object: KubeObject,
  others: readonly Parameters<typeof invalid>[1][number][],
): void {
  const problems = [...metadataProblems(object), ...others, ...type.validate(object)];
  if (problems.length > 0) throw invalid(byKind(type, object.metadata.name), problems);
}

export function decodeBody(type: ResourceType, body: JsonObject): JsonObject {
  const { kind, plural } = type;
  const apiVersion = apiVersionOf(type);
  const givenVersion = asText(body['apiVersion']) || apiVersion;
  const givenKind = asText(body['kind']) || kind;
  if (givenKind !== kind) {
    const why = `converting (v1.${givenKind}) to (core.${kind}): unknown conversion`;
    throw badRequest(`${givenKind} in version "v1" cannot be handled as a ${kind}: ${why}`);
  }
  if (givenVersion !== apiVersion) {
    const why = `does not match the expected API version (${apiVersion})`;
    throw badRequest(`the API version in the data (${givenVersion}) ${why}`);
  }
  try {
    return asObject(decode(body, type.shape, plural));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { version } = type;
    const what = `${kind} in version "${version}" cannot be handled as a ${kind}`;
    throw badRequest(`${what}: ${error.message}`);
  }
}

export function decodePatched(type: ResourceType, patched: JsonObject): JsonObject {
  try {
    return asObject(decode(patched, type.shape, type.plural));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const problem = invalidValue('patch', JSON.stringify(patched), '');
    const message = `${problem.message.slice(0, -2)}: ${error.message}`;
    throw invalid({ group: '', kind: '' }, [{ ...problem, message }]);
  }
}

export function checkName(body: JsonObject, name: string): void {
  const given = asObject(body['metadata'])['name'];
  if (!given) {
    const why = 'was undeterminable: name must be provided';
    throw badRequest(`the name of the object (${name} based on URL) ${why}`);
  }
  if (given !== name) {
    const why = `does not match the name on the URL (${name})`;
    throw badRequest(`the name of the object (${asText(given)}) ${why}`);
  }
}

export function checkNamespace(body: JsonObject, namespace: string | undefined): void {
  const given = asObject(body['metadata'])['namespace'];
  if (!given || given === namespace) return;
  throw badRequest(
    'the namespace of the provided object does not match the namespace sent on the request',
  );
}

export function checkVersion(
  type: ResourceType,
  existing: KubeObject,
  given: unknown,
  unconditional: boolean,
): void {
  const { name, resourceVersion } = existing.metadata;
  const version = typeof given === 'string' ? given : '';
  if (!/^\d*$/.test(version)) {
    throw internalError(`strconv.ParseUint: parsing "${version}": invalid syntax`);
  }
  if (Number(version) === 0) {
    if (unconditional) return;
    const why = 'must be specified for an update';
    throw invalid(byPlural(type, name), [invalidValue('metadata.resourceVersion', 0, why)]);
  }
  if (version !== resourceVersion) throw conflict(byPlural(type, name), MODIFIED);
}

export function checkPreconditions(
  type: ResourceType,
  object: KubeObject,
  options: DeleteOptions,
): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { metadata } = object;
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict(byKind(type, metadata.name), why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict(byKind(type, metadata.name), why);
  }
}
