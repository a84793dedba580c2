import { type Model, explore } from './explorer.ts';
import { tell } from './telling.ts';

export const modes = ['life', 'lease'] as const;
export type Mode = (typeof modes)[number];

/** A state space with its bounds. What they do not name does not happen in it. */
export interface Scene {
  readonly mode: Mode;
  readonly name: string;
  /** Only with `--deep`. */
  readonly isDeep: boolean;
  /** Explores it, until a promise is broken or there are so many states. */
  readonly explore: (maxStates: number, defect?: string) => Found;
}

/** What an exploration found, as plain JSON. */
export interface Found {
  readonly states: number;
  readonly moves: number;
  readonly depth: number;
  readonly complete: boolean;
  readonly sights: readonly (readonly [what: string, states: number])[];
  readonly seconds: number;
  readonly violation: FoundViolation | undefined;
}

interface FoundViolation {
  readonly promise: string;
  readonly text: string;
  readonly told: readonly string[];
}

export function exploreModel<S>(model: Model<S>, maxStates: number): Found {
  const startedMs = performance.now();
  const { violation, sights, ...rest } = explore(model, maxStates);
  return {
    ...rest,
    sights: [...sights],
    seconds: (performance.now() - startedMs) / 1_000,
    violation: violation && {
      promise: violation.promise,
      text: violation.text,
      told: tell(model, violation),
    },
  };
}
