import type { FaultRule } from '../../lib/testing/index.ts';
import { targetName } from './events/target.ts';
import type { Whom } from './events/handovers.ts';
import type { Symptom } from './illnesses.ts';
import type { Cut, Mishap, Passed } from './line.ts';
import type { Luck } from './luck.ts';
import type { Event, Setting } from './schedule.ts';
import type { World } from './world.ts';

/** What events may say of themselves. A kind reads only what its own events have. */
export interface Details {
  readonly slot: number | 'leader' | 'last leader' | 'holder' | 'everybody';
  /** If several locks have leaders: of which kinds the leader is that is meant. */
  readonly of?: readonly string[];
  readonly forMs: number;
  readonly delayMs: number;
  readonly offsetMs: number;
  /** A Pod's processes last so long after it was asked to go, and its object so long after them. */
  readonly lastMs: number;
  readonly goneMs: number;
  readonly phase: 'Failed' | 'Succeeded';
  /** What becomes of an elector's Pod, or what its status seems to say. */
  readonly how: 'evicted' | 'gone';
  readonly as: 'unready' | 'wiped';
  /** Nothing is said of its containers while they run on. */
  readonly wipes?: boolean;
  /** Who is asked to hand over, or what an ill candidate's check does. */
  readonly whom: Whom;
  readonly symptom: Symptom;
  readonly cascade?: 'background' | 'foreground';
  readonly status: number;
  readonly cleanly: boolean;
  readonly cut: Cut;
  readonly passed: Passed;
  readonly mishap: Mishap;
  readonly rule: FaultRule;
  readonly right: {
    readonly verb: Extract<FaultRule['verb'], string>;
    readonly resource: string;
  };
}

/** One kind of event that there is. */
export interface Kind {
  /** Does it. A function that it returns ends it, after the event's `forMs`. */
  act(world: World, event: Details): unknown;
  /** In words, after the time; `{forMs}` stands for what the event says of that. */
  readonly tell: string | ((event: Details) => string);
}

/** A family of events: drawn together, each schedule has all of its kinds or none. */
export interface Family {
  readonly name: string;
  /** Whether every schedule has it: without, nothing would ever happen. */
  readonly isBasic?: boolean;
  /** Draws what of it happens in a schedule. */
  draw(luck: Luck, setting: Setting): readonly Event[];
  /** By the event's `what`. */
  readonly kinds: Readonly<Record<string, Kind>>;
}

export function tell({ tell: told }: Kind, event: Event): string {
  const details = event as unknown as Details;
  const text = typeof told === 'string' ? told : told(details);
  return text.replace(/\{(\w+)\}/g, (_, key: string) =>
    key === 'slot' ? targetName(details) : valueWords(event[key]),
  );
}

function valueWords(value: unknown): string {
  return typeof value === 'object' ? words(value) : (value as string | number).toString();
}

/** Some plain object, as in `verb create, late by 5`. */
export function words(object: unknown): string {
  return Object.entries(object as Record<string, unknown>)
    .map(
      ([key, value]) =>
        `${key} ${typeof value === 'object' ? `(${words(value)})` : JSON.stringify(value)}`,
    )
    .join(', ');
}
