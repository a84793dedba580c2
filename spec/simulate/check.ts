import type { Candidate } from './candidate.ts';
import { type Fact, type Handlers, handle } from './fact.ts';
import { LeaseCandidate } from './lease-candidate.ts';
import { LifeCandidate } from './life-candidate.ts';
import type { World } from './world.ts';

/** What must never happen. */
export interface Violation {
  /** Which check found it: shrinking keeps to that. */
  readonly check: string;
  readonly atMs: number;
  readonly text: string;
}

/** One invariant of a world, which is told everything that happens, and asks the library nothing. */
export interface Check {
  readonly name: string;
  /** For one run; `violated` reports what must not have happened. */
  begin(world: World, violated: (text: string) => void): (fact: Fact) => void;
}

type Begin<Who> = (world: World, violated: (text: string) => void) => Handlers<Who>;

type Class<Who extends Candidate> = abstract new (...given: never[]) => Who;

/** A check that is told of no candidates but those of a class. */
export function checkOf<Who extends Candidate>(
  candidates: Class<Who>,
  name: string,
  begin: Begin<Who>,
): Check {
  return {
    name,
    begin: (world, violated) => {
      const handlers = begin(world, violated) as Handlers;
      return (fact) => {
        if (!('who' in fact) || fact.who instanceof candidates) handle(handlers, fact);
      };
    },
  };
}

export function lifeCheck(name: string, begin: Begin<LifeCandidate>): Check {
  return checkOf(LifeCandidate, name, begin);
}

export function leaseCheck(name: string, begin: Begin<LeaseCandidate>): Check {
  return checkOf(LeaseCandidate, name, begin);
}
