import { printable } from '../platform/printable.ts';

/** One line of a diagnosis. */
export interface Finding {
  /** What was looked at. */
  readonly check: DiagnosisCheck;
  /** With an `error`, an election cannot work. A `warning` should be looked at. */
  readonly level: 'ok' | 'warning' | 'error';
  /** For people: what was found and, unless it is ok, what to do. Without control characters. */
  readonly message: string;
}

/** What a diagnosis looks at, in this order. */
export type DiagnosisCheck =
  /** The variables and files that say which Pod this is and where the API server is. */
  | 'environment'
  /** The service account's token: its age, and the Pod that it belongs to. */
  | 'token'
  /** Whether the API server answers, how fast, and which version. */
  | 'api-server'
  /** This machine's clock against the `Date` of the API server. */
  | 'clock'
  /** Each right that an election needs. */
  | 'rights'
  /** How the lock stands, and whether something unusual holds it. */
  | 'lock'
  /** How the workload replaces its Pods. */
  | 'rollout'
  /** The time in which a Pod may end. */
  | 'grace-period'
  /** Whether a readiness probe waits for leadership. */
  | 'readiness';

/** Makes findings of one check. */
export function findingsOf(check: DiagnosisCheck) {
  const of =
    (level: Finding['level']) =>
    (message: string): Finding => ({
      check,
      level,
      message: printable(message),
    });
  return { ok: of('ok'), warning: of('warning'), error: of('error') };
}
