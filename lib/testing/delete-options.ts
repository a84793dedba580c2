import { goJsonError } from './decode.ts';
import { integerOf } from './listing.ts';
import type { DeleteOptions } from './object-parts.ts';
import { asObject, asText, type JsonObject } from './objects.ts';
import type { RawRequest } from './route.ts';
import { ApiError, badRequest, invalid, invalidValue } from './status.ts';

const POLICIES = ['Foreground', 'Background', 'Orphan'];

function refusedPolicy(policy: unknown): ApiError {
  const supported = 'supported values: "Foreground", "Background", "Orphan", "nil"';
  const problem = invalidValue('propagationPolicy', policy, supported);
  const message = problem.message.replace('Invalid', 'Unsupported');
  return invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, [
    { ...problem, message, reason: 'FieldValueNotSupported' },
  ]);
}

/** DELETE takes its options from the body or, without one, from the query. */
export function deleteOptionsOf({ body, query }: RawRequest): DeleteOptions {
  let given: JsonObject;
  if (body) {
    try {
      given = asObject(JSON.parse(body));
    } catch (error) {
      throw badRequest(`couldn't get version/kind; json parse error: ${goJsonError(error)}`);
    }
  } else {
    given = { ...query, gracePeriodSeconds: integerOf(query, 'gracePeriodSeconds') };
  }
  const { propagationPolicy: policy, gracePeriodSeconds: grace, preconditions } = given;
  if (policy !== undefined && !POLICIES.includes(asText(policy))) throw refusedPolicy(policy);
  const { uid, resourceVersion } = asObject(preconditions);
  return {
    ...(policy !== undefined && { propagationPolicy: policy as 'Orphan' }),
    ...(typeof grace === 'number' && { gracePeriodSeconds: grace }),
    preconditions: {
      ...(typeof uid === 'string' && { uid }),
      ...(typeof resourceVersion === 'string' && { resourceVersion }),
    },
  };
}
