import type { ErrorCode } from '../../lib/errors.ts';

/** Which promise an election is under. */
export type Mode = 'life' | 'lease';

/** Something that was done to the world, or befell it, and what is forgiven for it. */
export interface Trouble {
  /** As the figures count it. */
  readonly kind: string;
  /** What it struck. */
  readonly target: string;
  /** Which elections it can have harmed: without, all. */
  readonly elections?: readonly string[];
  /** Whose errors it explains: without, those of all in these elections. */
  readonly candidate?: string;
  /** Whether it is a fault of the schedule; else it befell the machine. @default true */
  readonly isMeant?: boolean;
  /**
   * For how long after its end nobody may lead yet, in milliseconds; missing where it is no excuse
   * at all.
   */
  readonly excuses?: Readonly<Partial<Record<Mode, number>>>;
  /** With which errors a candidate may end for it, until as long after its end. */
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

/** Whether it may have harmed this election at that time, its aftermath included. */
export function excusesMsOf(trouble: Trouble, election: string, mode: Mode): number | undefined {
  if (trouble.elections && !trouble.elections.includes(election)) return undefined;
  return trouble.excuses?.[mode];
}
