import type { Report } from './report.ts';

/** Something that was aimed at, and what was measured. */
export interface Goal {
  readonly what: string;
  readonly aim: string;
  readonly measured: string;
  readonly isMet: boolean;
}

type Unit = (value: number) => string;

type Judge = (what: string, measured: number, aim: number | undefined, unit: Unit) => Goal[];

/** No goal where nothing was aimed at, or nothing was measured. */
export const atMost: Judge = (what, measured, aim, unit) => {
  if (aim === undefined || Number.isNaN(measured)) return [];
  const isMet = measured <= aim;
  return [{ what, aim: `at most ${unit(aim)}`, measured: unit(measured), isMet }];
};

/** Likewise. */
export const atLeast: Judge = (what, measured, aim, unit) => {
  if (aim === undefined || Number.isNaN(measured)) return [];
  const isMet = measured >= aim;
  return [{ what, aim: `at least ${unit(aim)}`, measured: unit(measured), isMet }];
};

export function times(value: number): string {
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} times`;
}

export function goalReport(goals: readonly Goal[]): Report {
  return {
    title: 'Goals',
    notes: [],
    table: [
      ['', 'goal', 'measured', ''],
      ...goals.map(({ what, aim, measured, isMet }) => [
        what,
        aim,
        measured,
        isMet ? 'met' : 'missed',
      ]),
    ],
    data: goals,
  };
}
