import { test } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

/** A test with an `Api` whose answers it scripts, on a clock that it moves. */
export const it = test
  .extend('clock', () => new ManualClock())
  .extend('transport', () => new ScriptedTransport())
  .extend('api', ({ clock, transport }) => new Api(transport, clock));
