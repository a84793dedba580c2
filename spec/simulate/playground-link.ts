import { DEFAULTS, type PodAction, type WorldAction } from '../../site/playground/schedule.ts';
import { type Action, written } from '../../site/playground/schedule.ts';
import { tell } from './family.ts';
import { partOf } from './parts.ts';
import type { Event, Schedule, Setting } from './schedule.ts';
import { span } from './setting-words.ts';

/** A schedule as the playground can play it. */
export interface PlaygroundLink {
  /** Of the playground's URL, without `#`. */
  readonly fragment: string;
  /** What the schedule has and the playground has not, in words. */
  readonly missing: readonly string[];
}

type Translated = Pick<Action, 'what' | 'forMs'>;

/** What the same is called in the playground; undefined if it cannot be done there. */
const WORDS: Readonly<Record<string, (event: Event) => Translated | undefined>> = {
  finish: () => ({ what: 'release' }),
  crash: () => ({ what: 'crash' }),
  evict: () => ({ what: 'evict' }),
  replace: () => ({ what: 'kill' }),
  delete: ({ cascade }) => ({ what: cascade === 'foreground' ? 'delete-foreground' : 'delete' }),
  'end pod': ({ how }) => ({ what: how === 'evicted' ? 'evict' : 'kill' }),
  stop: lasting('stop'),
  'stop elector': lasting('stop'),
  'cut off': cut,
  'cut elector off': cut,
  'stop collector': lasting('gc'),
  'delete the Lease': () => ({ what: 'lock' }),
};

function lasting(what: PodAction | WorldAction): (event: Event) => Translated {
  return ({ forMs }) => ({ what, forMs: Math.max(Number(forMs), 1) });
}

function cut(event: Event): Translated | undefined {
  return event['cut'] === 'both' ? lasting('cut')(event) : undefined;
}

const LEAST = 3;
const MOST = 7;

/** Undefined if the playground has nothing like it: it plays one mode at a time. */
export function playgroundLink(schedule: Schedule): PlaygroundLink | undefined {
  const { mode, seed, setting, events } = schedule;
  if (mode === 'mixed') return undefined;
  const { slots } = setting;
  const pods = Math.min(Math.max(slots.length, LEAST), MOST);
  const actions: Action[] = [];
  const missing = [...settingOf(setting)];
  for (const event of events) {
    const action = actionOf(event, pods);
    if (action) actions.push(action);
    else if (!isBeginning(event)) missing.push(`at ${span(event.atMs)}: ${words(mode, event)}`);
  }
  const compared = slots.some(({ kind }) => kind === 'client-go');
  const shown = { ...DEFAULTS, mode, pods, seed: seed % 2 ** 31, compared };
  return { fragment: written({ setting: shown, actions }), missing };
}

function actionOf(event: Event, pods: number): Action | undefined {
  const { what, forMs } = WORDS[event.what]?.(event) ?? {};
  if (what === undefined) return undefined;
  const atMs = Math.round(event.atMs);
  const when = { atMs, ...(forMs !== undefined && { forMs: Math.round(forMs) }) };
  if (event['slot'] === undefined) return { ...when, what: what as WorldAction };
  const pod = podOf(event['slot'], pods);
  return pod === undefined ? undefined : { ...when, what: what as PodAction, pod };
}

function podOf(slot: unknown, pods: number): string | undefined {
  if (slot === 'leader') return slot;
  return typeof slot === 'number' && slot < pods ? `pod-${slot + 1}` : undefined;
}

/** All Pods of the playground ask to lead at the beginning. */
function isBeginning({ what, atMs }: Event): boolean {
  return what === 'start' && atMs === 0;
}

function words(mode: Schedule['mode'], event: Event): string {
  const kind = partOf(mode).families.find(({ kinds }) => kinds[event.what])?.kinds[event.what];
  return kind ? tell(kind, event) : event.what;
}

function* settingOf({ slots, calm }: Setting): Generator<string> {
  if (slots.length < LEAST) yield `only ${slots.length} candidates: ${LEAST} Pods play`;
  if (slots.length > MOST) yield `candidates beyond ${MOST}`;
  const rates = new Set(slots.map(({ clock }) => clock.rate));
  if (rates.size > 1)
    yield `clocks that run ${[...rates].map((rate) => `${rate}`).join(', ')} times as fast`;
  const kinds = new Set(slots.map(({ kind }) => kind));
  if (kinds.size > 1) yield 'one Lease for leader-for-life and client-go: each plays by itself';
  if (calm) yield 'the calm phase, with its handovers, after the trouble';
}
