import type { ErrorCode } from '../../lib/errors.ts';

/** Which promise an election is under. */
export type Mode = 'life' | 'lease';

/** What a trouble may do to an election of a mode. */
export interface Effect {
  /**
   * For how long after its end a leader whom it struck may cease to lead for it. Missing where it
   * takes leadership from nobody: it only keeps others from it while nobody leads.
   */
  readonly lossMs?: number;
  /** How long after its end somebody leads, at the latest. */
  readonly recoveryMs: number;
}

/** In which modes it has one. */
export type Effects = Readonly<Partial<Record<Mode, Effect>>>;

/** Something that was done to the world, or befell it, and what is forgiven for it. */
export interface Trouble {
  /** As the figures count it. */
  readonly kind: string;
  /** What it struck. */
  readonly target: string;
  /** Which elections it can have harmed: without, all. */
  readonly elections?: readonly string[];
  /** Which candidates it struck, by identity: without, all of these elections. */
  readonly strikes?: (identity: string) => boolean;
  /** Whether it is a fault of the schedule; else it befell the machine. @default true */
  readonly isMeant?: boolean;
  /** Which time without a leader it explains: without, none. */
  readonly effects?: Effects;
  /** With which errors who was struck may end for it, until as long after its end. */
  readonly codes?: readonly ErrorCode[];
  readonly fromMs: number;
  /** `Infinity` while it lasts. */
  readonly toMs: number;
}

export type NewTrouble = Omit<Trouble, 'fromMs' | 'toMs'>;

/** Ends a trouble; a second time does nothing. */
export type End = (atMs?: number) => void;

/** All troubles of a run, as they come. */
export class Chronicle {
  readonly troubles: Trouble[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  begin(trouble: NewTrouble, fromMs = this.#nowMs()): End {
    const begun = { ...trouble, fromMs, toMs: Number.POSITIVE_INFINITY };
    this.troubles.push(begun);
    return (atMs = this.#nowMs()) => {
      begun.toMs = Math.min(begun.toMs, atMs);
    };
  }

  /** What is over already when it is known. */
  note(trouble: NewTrouble, fromMs: number, toMs: number): void {
    this.troubles.push({ ...trouble, fromMs, toMs });
  }
}

export function strikes(trouble: Trouble, election: string, identity: string): boolean {
  if (trouble.elections?.includes(election) === false) return false;
  return trouble.strikes?.(identity) ?? true;
}
