import type { Play } from '../show.ts';
import { play as lease } from './lease.ts';

/** The same with an app that does not heed its signal. It has to fail: so the checks can. */
export const play: Play = { ...lease, app: new URL('deaf.ts', import.meta.url) };
