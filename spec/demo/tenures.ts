import type { Term } from '../lab/history.ts';
import { type Line, ms, piece, seconds } from '../../lib/cli/demo/screen.ts';
import type { Act } from './stage.ts';

interface Column {
  readonly head: string;
  readonly width: number;
}

const COLUMNS: readonly Column[] = [
  { head: 'leader', width: 8 },
  { head: 'from', width: 10 },
  { head: 'to', width: 10 },
  { head: 'led for', width: 10 },
  { head: 'token', width: 8 },
  { head: 'took over in', width: 0 },
];

/** Who led from when to when: a row for each Pod's time, in which its container may restart. */
export function tenures(terms: readonly Term[], acts: readonly Act[], endMs: number): Line[] {
  const rows = terms
    .filter((term, index) => term.pod !== terms[index - 1]?.pod)
    .map((first) => {
      const last = lastOfPod(terms, first);
      const toMs = Math.min(last.endMs, endMs);
      const act = acts.find(({ after }) => after.term.run === first.run);
      return [
        first.pod,
        seconds(first.fromMs),
        last.endMs > endMs ? 'the end' : seconds(toMs),
        seconds(toMs - first.fromMs),
        first.fencingToken ?? '',
        act?.before ? ms(act.handoverMs) : '',
      ];
    });
  return [
    [piece(row(COLUMNS.map(({ head }) => head)), 'aside')],
    ...rows.map((cells) => [piece(row(cells))]),
  ];
}

/** The last of the terms that a Pod had in a row. */
function lastOfPod(terms: readonly Term[], first: Term): Term {
  const following = terms.slice(terms.indexOf(first));
  const end = following.findIndex(({ pod }) => pod !== first.pod);
  return following.at(end === -1 ? -1 : end - 1) ?? first;
}

function row(cells: readonly string[]): string {
  const padded = COLUMNS.map(({ width }, index) => (cells[index] ?? '').padEnd(width));
  return `  ${padded.join('')}`.trimEnd();
}
