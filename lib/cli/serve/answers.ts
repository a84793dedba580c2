/** An object of JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** What is known about an election at the moment of a request. */
export interface View {
  /** This candidate, as the leader's name would show it. */
  readonly node: string;
  /** Set if this candidate leads at this moment. */
  readonly own: { readonly since: Date; readonly fencingToken: string } | undefined;
  /** What another leader's lock says; undefined if it could not be read just now. */
  readonly other: { readonly name: string; readonly since?: Date | undefined } | undefined;
  /** `leading`, or why this candidate does not lead. */
  readonly reason: string;
  /** When the leader last changed, as far as this process has seen. */
  readonly changedAt: Date | undefined;
  /** Why the election has died; undefined while it goes on. */
  readonly death: string | undefined;
}

/** An answer, without the headers that all have. */
export interface Answer {
  readonly status: number;
  readonly body: Json | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What each path says. The two probes do not depend on who leads. */
const answers: Readonly<Record<string, (view: View, now: Date) => Answer>> = {
  '/': (view, now) => ({ status: isKnown(view) ? 200 : 503, body: leaderOf(view, now) }),
  '/leader': ({ own, reason }) =>
    own ? { status: 200, body: 'leading\n' } : { status: 503, body: `${reason}\n` },
  '/livez': ({ death }) =>
    death === undefined
      ? { status: 200, body: 'ok\n' }
      : { status: 500, body: `the election has died: ${death}\n` },
  '/readyz': () => ({ status: 200, body: 'ok\n' }),
};

/** The methods of each path. */
export const methods: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(Object.keys(answers).map((path) => [path, ['GET', 'HEAD']])),
  '/metrics': ['GET', 'HEAD'],
  '/sse': ['GET'],
  '/step-down': ['POST'],
};

/** The answer to a request that has no other path or method; undefined if it is to be served. */
export function refusal(method: string, path: string): Answer | undefined {
  const allowed = Object.hasOwn(methods, path) ? methods[path] : undefined;
  if (!allowed) {
    const known = Object.keys(methods).join(', ');
    return { status: 404, body: `There is no ${path} here, only ${known}\n` };
  }
  if (allowed.includes(method)) return undefined;
  const headers = { allow: allowed.join(', ') };
  return { status: 405, body: `${path} takes ${allowed.join(', ')}\n`, headers };
}

/** The answer to a request for a path that says what is known. */
export function answerOf(path: string, view: View, now: Date): Answer | undefined {
  return Object.hasOwn(answers, path) ? answers[path]?.(view, now) : undefined;
}

/**
 * The leader, in the formats of contrib's leader-elector (`name`), of nais/elector (`name`,
 * `last_update`) and of k8s-elector (`node`, `leader`, `is_leader`, `timestamp`). Names are empty if
 * nobody leads, or it is not known who does.
 */
export function leaderOf(view: View, now: Date): Json {
  const { node, own, other, reason, changedAt } = view;
  const name = own ? node : (other?.name ?? '');
  const since = own?.since ?? other?.since;
  return {
    name,
    last_update: (changedAt ?? now).toISOString(),
    is_leader: own !== undefined,
    leader: name,
    node,
    timestamp: now.toISOString(),
    fencingToken: own?.fencingToken ?? null,
    since: since?.toISOString() ?? null,
    reason,
  };
}

/** Whether it is known who leads, or that nobody does. */
export function isKnown({ own, other }: View): boolean {
  return own !== undefined || other !== undefined;
}
