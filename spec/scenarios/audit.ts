import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** A request to create a lock, and for whom. */
export interface Creation {
  /** Unknown where the token is not that of a Pod. */
  readonly podUid?: string;
  readonly podName?: string;
  /** Wall time in milliseconds, of the request. */
  readonly receivedTime: number;
  readonly answeredTime: number;
}

interface AuditEvent {
  readonly verb: string;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly user: { readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string; name?: string };
  readonly responseStatus?: { readonly code?: number };
}

const CREATED = 201;
const CONFLICT = 409;

/** All locks of this name that were created, in the audit log's order. */
export function creationsOf(
  auditLog: string,
  namespace: string,
  lockName: string,
): Promise<Creation[]> {
  return createsOf(auditLog, namespace, lockName, CREATED);
}

/** Likewise for whom it refused to create one, because there is one. */
export function rejectionsOf(
  auditLog: string,
  namespace: string,
  lockName: string,
): Promise<Creation[]> {
  return createsOf(auditLog, namespace, lockName, CONFLICT);
}

async function createsOf(
  auditLog: string,
  namespace: string,
  lockName: string,
  code: number,
): Promise<Creation[]> {
  const creations: Creation[] = [];
  for await (const line of createInterface({ input: createReadStream(auditLog) })) {
    if (!line.includes(namespace) || !line.includes('"verb":"create"')) continue;
    // A server that was killed may have left half a line.
    if (!line.endsWith('}')) continue;
    const event = JSON.parse(line) as AuditEvent;
    const { resource, namespace: where, name } = event.objectRef ?? {};
    if (resource !== 'configmaps' || where !== namespace || name !== lockName) continue;
    if (event.verb === 'create' && event.responseStatus?.code === code)
      creations.push(toCreation(event));
  }
  return creations;
}

function toCreation({ user, requestReceivedTimestamp, stageTimestamp }: AuditEvent): Creation {
  const podUid = user.extra?.['authentication.kubernetes.io/pod-uid']?.[0];
  const podName = user.extra?.['authentication.kubernetes.io/pod-name']?.[0];
  return {
    ...(podUid !== undefined && { podUid }),
    ...(podName !== undefined && { podName }),
    receivedTime: Date.parse(requestReceivedTimestamp),
    answeredTime: Date.parse(stageTimestamp),
  };
}
