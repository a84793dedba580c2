import { LeaderElectionError } from '../errors.ts';

/** Annotation of the Lease that keeps the last fire of each job. */
export const FIRES = 'leader-for-life/last-fires';

/** If the last fire is further in the future than this, a clock is wrong. */
const FAR_AHEAD_MS = 3_600_000;

const DAY_MS = 24 * FAR_AHEAD_MS;

/** A process that was stopped may come back with a fire as late as this, but its clock is right. */
const LATE_MS = DAY_MS;

/** Of more jobs than this, those that have not run for a week are forgotten: there is no room for all. */
const MOST_JOBS = 500;
const KEPT_MS = 7 * DAY_MS;

/** The last fire of a job. */
export interface Fire {
  /** For when it was scheduled, as ISO 8601. */
  readonly at: string;
  /** Who has run it. */
  readonly by: string;
  /** Tells the claim of one call from all others. */
  readonly claim: string;
}

/** The last fires, by the names of the jobs. */
export type Fires = Readonly<Record<string, Fire>>;

/** Name and time of `NAME:TIME`, the key of a fire in node-cron; undefined if it is none. */
export function parseKey(key: string): { readonly job: string; readonly at: string } | undefined {
  const [, job, at] = /^(.+):(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/s.exec(key) ?? [];
  return job === undefined || at === undefined ? undefined : { job, at };
}

/** What a Lease says about the last fires. Throws `ERR_FOREIGN_LOCK` if it cannot be read. */
export function firesOf(lease: unknown, what: string): Fires {
  const { metadata } = Object(lease) as { readonly metadata?: unknown };
  const { annotations } = Object(metadata) as { readonly annotations?: Record<string, unknown> };
  const text = annotations?.[FIRES];
  if (text === undefined) return {};
  const fires = parse(text);
  if (fires) return fires;
  throw new LeaderElectionError(
    'ERR_FOREIGN_LOCK',
    `The annotation ${FIRES} of Lease ${what} is not what a coordinator writes, so it does not say ` +
      'which jobs have run. Remove the annotation, or give the coordinator another Lease.',
  );
}

/**
 * Whether this fire is later than the last one. Throws `ERR_CLOCK_AHEAD` if the last one is so far
 * in the future that a clock must be wrong: no fire would run until then.
 */
export function isNew(
  at: string,
  last: Fire | undefined,
  job: string,
  what: string,
  nowMs: number,
): boolean {
  if (!last) return true;
  const [atMs, lastMs] = [Date.parse(at), Date.parse(last.at)];
  // A process that was stopped asks for a fire that is long over.
  const hereMs = Math.max(atMs, nowMs);
  if (lastMs <= hereMs + FAR_AHEAD_MS) return lastMs < atMs;
  throw new LeaderElectionError(
    'ERR_CLOCK_AHEAD',
    `${last.by} has run the fire of ${last.at} of the job ${JSON.stringify(job)}, ` +
      `but here it is ${new Date(hereMs).toISOString()}. ` +
      `The clock of a replica is wrong. Correct it, then remove the annotation ${FIRES} of Lease ${what}: ` +
      'until then this job does not run.',
  );
}

/** Whether it is too late for this fire: its job may have been forgotten since. */
export function isLate(at: string, nowMs: number): boolean {
  return nowMs - Date.parse(at) > LATE_MS;
}

/** The last fires with this one, and without those of jobs that have not run for long. */
export function withFire(fires: Fires, job: string, fire: Fire): Fires {
  const all = Object.entries({ ...fires, [job]: fire });
  if (all.length <= MOST_JOBS) return Object.fromEntries(all);
  return Object.fromEntries(
    all.filter(([, { at }]) => Date.parse(fire.at) - Date.parse(at) < KEPT_MS),
  );
}

function parse(text: unknown): Fires | undefined {
  try {
    const fires = JSON.parse(String(text)) as unknown;
    const isObject = typeof fires === 'object' && fires !== null;
    return isObject && Object.values(fires).every(isFire) ? (fires as Fires) : undefined;
  } catch {
    return undefined;
  }
}

function isFire(value: unknown): value is Fire {
  const { at, by, claim } = Object(value) as Record<string, unknown>;
  return (
    [at, by, claim].every((text) => typeof text === 'string') && !isNaN(Date.parse(String(at)))
  );
}
