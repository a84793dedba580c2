import { type Json, child, list, text } from '../kubernetes/json.ts';
import { describeLock } from '../kubernetes/lock-kind.ts';
import type { LockStatus } from '../inspect/status.ts';
import { duration } from '../platform/printable.ts';
import { type Finding, findingsOf } from './finding.ts';

const { ok, warning, error } = findingsOf('lock');

/** A Lease that takes longer to expire leaves its work undone for that long after a crash. */
const LONG_LEASE_SECONDS = 120;

/** How the lock stands, and what is unusual about its object, if there is one. */
export function lockFindings(status: LockStatus, object: Json | undefined): Finding[] {
  return [stateFinding(status), ...(object ? oddities(status, object) : [])];
}

/** A held lock of the other mode has the name of this one, which nobody holds. */
export function namesakeFinding({ mode, name, namespace, message }: LockStatus): Finding {
  const [what, how] =
    mode === 'lease' ? ['a Lease', 'with --lease'] : ['a ConfigMap', 'without --lease'];
  return warning(
    `There is ${what} of this name: ${describeLock(mode, namespace, name)}: ${message}. If that is the ` +
      `lock, ask about the mode ${mode}: leader-for-life doctor ${how}.`,
  );
}

function stateFinding({ mode, name, namespace, reason, message, since, stepDown }: LockStatus) {
  switch (reason) {
    case 'foreign':
      return error(
        `ConfigMap ${namespace}/${name} is no lock: ${message}, so nobody ever frees it. Choose another ` +
          `name or, if nothing needs it: kubectl delete configmap ${name} -n ${namespace}`,
      );
    case 'lock-deleting':
      return warning(`${sentence(message)} Remove the finalizers, or see what sets them.`);
    case 'holder-finishing':
      return warning(`${sentence(message)} If this lasts, look at the kubelet of its node.`);
    case 'holder-gone':
      return warning(
        `${sentence(message)} If this lasts, look at the garbage collector (kube-controller-manager).`,
      );
    case 'expired':
      return warning(`${sentence(message)} Is there a candidate that runs?`);
    default: {
      const when = since ? `, since ${since.toISOString()}` : '';
      const asked = stepDown === undefined ? '' : `; ${stepDown} was asked to step down`;
      return ok(`${describeLock(mode, namespace, name)}: ${message}${when}${asked}`);
    }
  }
}

function oddities({ mode, name, namespace }: LockStatus, object: Json): Finding[] {
  const metadata = child(object, 'metadata');
  const owners = list(metadata, 'ownerReferences').length;
  const finalizers = list(metadata, 'finalizers').filter((item) => typeof item === 'string');
  const what = describeLock(mode, namespace, name);
  const seconds = child(object, 'spec')['leaseDurationSeconds'];
  const isHeld = (text(child(object, 'spec'), 'holderIdentity') ?? '') !== '';
  const found: Finding[] = [];
  if (mode === 'life' && owners > 1) {
    found.push(
      warning(
        `${what} has ${owners} owners, so it is freed only when all of them are ` +
          'gone. Find out what added an owner.',
      ),
    );
  }
  if (mode === 'lease' && owners > 0) {
    found.push(
      warning(
        `${what} has an owner: when that is gone, the garbage collector deletes ` +
          'the Lease under its leader. Remove metadata.ownerReferences.',
      ),
    );
  }
  if (finalizers.length > 0) {
    found.push(
      warning(
        `${what} has finalizers (${finalizers.join(', ')}), so it stays when it is ` +
          'deleted. Remove metadata.finalizers.',
      ),
    );
  }
  if (isHeld && typeof seconds === 'number' && seconds > LONG_LEASE_SECONDS) {
    found.push(
      warning(
        `The Lease lasts ${duration(seconds * 1_000)}: after a crash nobody leads for that long. Lower ` +
          'the lease duration of its holder.',
      ),
    );
  }
  return found;
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
