import type { Luck } from './luck.ts';
import type { Event, Setting } from './schedule.ts';
import type { World } from './world.ts';

/** One kind of event that there is: what it does, and how it is told. */
export interface Kind {
  act(world: World, event: Event): void;
  /** In words, after the time. */
  tell(event: Event): string;
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
