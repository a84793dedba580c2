import { play as lease } from './lease.ts';
import { play as life } from './life.ts';
import type { Play } from './show.ts';

export const plays: Readonly<Record<string, Play>> = {
  life,
  lease,
  // With apps that do not wait, or do not stop. Both have to fail: so the checks can.
  usurped: { ...life, form: 'usurper' },
  stubborn: { ...lease, form: 'deaf' },
};
