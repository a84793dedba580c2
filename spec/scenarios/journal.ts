export type { Term } from '../lab/history.ts';
export type { Entry } from '../lab/journal.ts';
