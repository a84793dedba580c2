import type { ErrorCode } from '../../lib/errors.ts';
import { together } from '../cluster/together.ts';
import type { Chronicle } from './trouble.ts';

/** Candidates that can all be told to go. */
export interface Dismissible {
  readonly name: string;
  /** With which errors a candidate may end for being told to go. */
  readonly dismissalCodes: readonly ErrorCode[];
  /** Resolves once they are gone. */
  dismiss(): Promise<void>;
}

/**
 * Ends the candidates of a run. What they say meanwhile is judged, too: the chronicle explains the
 * errors that come of being told to go. It explains no time without a leader.
 */
export async function dismissAll(
  crews: readonly Dismissible[],
  chronicle: Chronicle,
): Promise<void> {
  await together(
    crews.map(async (crew) => {
      const over = chronicle.begin({
        kind: 'dismissed',
        isMeant: false,
        target: crew.name,
        elections: [crew.name],
        codes: crew.dismissalCodes,
      });
      await crew.dismiss();
      over();
    }),
  );
}
