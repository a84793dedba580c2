import { readFile, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import type { Evidence } from './evidence.ts';
import type { Outcome } from './run.ts';
import { type Trouble, strikes } from './trouble.ts';

type WrittenTrouble = Omit<Trouble, 'strikes'> & { readonly struck?: readonly string[] };

interface Written {
  readonly outcome: Omit<Outcome, 'troubles' | 'leftOut'>;
  readonly leftOut: readonly (readonly [string, string])[];
  readonly troubles: readonly WrittenTrouble[];
}

/** Writes down all that a run leaves to be judged, so that it can be judged again. */
export async function writeRecord(file: string, outcome: Outcome): Promise<void> {
  const { troubles, leftOut, evidence, failure, ...rest } = outcome;
  const told = failure === undefined ? undefined : inspect(failure);
  const thinned = evidence.map((own) => ({ ...own, entries: thinnedOut(own) }));
  const record: Written = {
    outcome: { ...rest, evidence: thinned, failure: told },
    leftOut: [...leftOut],
    troubles: troubles.map((trouble) => asWritten(trouble, evidence)),
  };
  await writeFile(file, JSON.stringify(record));
}

export async function readRecord(file: string): Promise<Outcome> {
  const { outcome, leftOut, troubles } = JSON.parse(await readFile(file, 'utf8')) as Written;
  return { ...outcome, leftOut: new Map(leftOut), troubles: troubles.map(asRead) };
}

/** Of acts that follow each other, the first and the last say all. */
function thinnedOut({ entries }: Evidence): Evidence['entries'] {
  const of = Map.groupBy(entries, ({ run }) => run);
  const needless = [...of.values()].flatMap((own) =>
    own.filter(({ event }, index) => {
      return [event, own[index - 1]?.event, own[index + 1]?.event].every(
        (one) => one === 'heartbeat',
      );
    }),
  );
  const left = new Set(needless);
  return entries.filter((entry) => !left.has(entry));
}

function asWritten(original: Trouble, evidence: readonly Evidence[]): WrittenTrouble {
  const { strikes: isStruck, ...trouble } = original;
  if (!isStruck) return trouble;
  const struck = evidence.flatMap(({ election, entries }) => {
    const identities = [...new Set(entries.map(({ pod }) => pod))];
    return identities.filter((identity) => strikes(original, election, identity));
  });
  return { ...trouble, struck };
}

function asRead({ struck, ...trouble }: WrittenTrouble): Trouble {
  // JSON has no infinity.
  const toMs = (trouble.toMs as number | null) ?? Number.POSITIVE_INFINITY;
  return { ...trouble, toMs, ...(struck && { strikes: (identity) => struck.includes(identity) }) };
}
