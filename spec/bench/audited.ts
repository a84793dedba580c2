import type { AuditedRequest } from './audit-log.ts';

/** A request in an audit log, for specs. */
export function audited(
  verb: string,
  answeredTime: number,
  more: Partial<AuditedRequest> = {},
): AuditedRequest {
  return {
    id: '',
    verb,
    resource: 'configmaps',
    namespace: 'arena',
    name: 'lock',
    resourceVersion: undefined,
    podUid: undefined,
    tokenId: undefined,
    status: verb === 'create' ? 201 : 200,
    receivedTime: answeredTime - 1,
    answeredTime,
    ...more,
  };
}
