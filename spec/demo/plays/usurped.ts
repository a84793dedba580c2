import type { Play } from '../show.ts';
import { play as life } from './life.ts';

/** The same with an app that leads out of turn. It has to fail: so the checks can. */
export const play: Play = { ...life, app: new URL('usurper.ts', import.meta.url) };
