/** Whose code elects. */
export type Rules = 'become' | 'lead' | 'operator-lib' | 'client-go';

/** What can happen to a Pod. Some of it is undone by doing it again. */
export const POD_ACTIONS = {
  release: 'Release',
  crash: 'Crash',
  kill: 'Kill',
  delete: 'Delete',
  'delete-foreground': 'Delete in the foreground',
  evict: 'Evict',
  stop: 'Stop',
  cut: 'Cut off',
  slow: 'Slow network',
  'fast-clock': 'Fast clock',
  'slow-clock': 'Slow clock',
  node: 'Lose its node',
} as const;

/** What can happen to the world. */
export const WORLD_ACTIONS = {
  gc: 'Garbage collector off',
  api: 'API server down',
  heal: 'Nodes back',
  lock: 'Delete the lock',
  roll: 'Rolling update',
} as const;

export type PodAction = keyof typeof POD_ACTIONS;
export type WorldAction = keyof typeof WORLD_ACTIONS;

/** What happens at a moment: to a Pod, by its name or as `leader`, or to the world. */
export type Action = {
  readonly atMs: number;
  /** It is undone after this long, if it can be undone. */
  readonly forMs?: number;
} & (
  | { readonly what: PodAction; readonly pod: string }
  | { readonly what: WorldAction; readonly pod?: undefined }
);

export interface Setting {
  readonly mode: 'life' | 'lease';
  readonly pods: number;
  readonly seed: number;
  /** Whether operator-lib or client-go runs beside. */
  readonly compared: boolean;
}

export interface Schedule {
  readonly setting: Setting;
  readonly actions: readonly Action[];
  readonly scene?: string | undefined;
}

export const DEFAULTS: Setting = { mode: 'life', pods: 3, seed: 1, compared: false };

export function rulesOf(mode: Setting['mode']): { ours: Rules; theirs: Rules } {
  return mode === 'life'
    ? { ours: 'become', theirs: 'operator-lib' }
    : { ours: 'lead', theirs: 'client-go' };
}

/** As the fragment of a URL, without `#`. */
export function written({ setting, actions, scene }: Schedule): string {
  const { mode, pods, seed, compared } = setting;
  const fields = [`mode=${mode}`, `pods=${pods}`, `seed=${seed}`];
  if (compared) fields.push('compared');
  if (scene !== undefined) fields.push(`scene=${scene}`);
  if (actions.length > 0) {
    const told = actions.map(({ atMs, what, pod, forMs }) =>
      [atMs, what, pod, forMs].filter(isGiven).join('.'),
    );
    fields.push(`do=${told.join('_')}`);
  }
  return fields.join('&');
}

/** What is not understood is left out: a link may be old. */
export function read(fragment: string): Schedule {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''));
  const setting: Setting = {
    mode: fields.get('mode') === 'lease' ? 'lease' : 'life',
    pods: whole(fields.get('pods'), 3, 7, DEFAULTS.pods),
    seed: whole(fields.get('seed'), 0, 2 ** 31 - 1, DEFAULTS.seed),
    compared: fields.has('compared'),
  };
  const actions = (fields.get('do') ?? '').split('_').flatMap((text) => actionOf(text) ?? []);
  const scene = fields.get('scene') ?? undefined;
  return { setting, scene, actions: actions.toSorted((one, other) => one.atMs - other.atMs) };
}

const ACTION = /^(\d+)\.([a-z-]+)(?:\.(leader|pod-\d{1,4}))?(?:\.(\d+))?$/;

function actionOf(text: string): Action | undefined {
  const [, at = '', what = '', pod, span] = ACTION.exec(text) ?? [];
  const [atMs, forMs] = [at, span ?? '0'].map((ms) => whole(ms, 0, 2 ** 31 - 1, -1));
  if (atMs === undefined || atMs < 0 || forMs === undefined || forMs < 0) return undefined;
  const when = { atMs, ...(span !== undefined && { forMs }) };
  if (pod === undefined) return isIn(what, WORLD_ACTIONS) ? { ...when, what } : undefined;
  return isIn(what, POD_ACTIONS) ? { ...when, what, pod } : undefined;
}

function isIn<T extends object>(name: string, actions: T): name is keyof T & string {
  return Object.hasOwn(actions, name);
}

function whole(text: string | null, min: number, max: number, otherwise: number): number {
  const value = /^\d{1,10}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : otherwise;
}

function isGiven(value: unknown): boolean {
  return value !== undefined;
}
