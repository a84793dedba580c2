import { become } from '../index.ts';
import { defineCommand } from './command.ts';
import { CONTEXT_OPTIONS } from './context.ts';
import { ELECTION_EXIT_CODES, TIMEOUT, endOfWait } from './exit-codes.ts';
import { PREFERENCE_OPTION, podOptionsOf } from './pod-options.ts';
import { untilAsked } from './stop.ts';

export const wait = defineCommand({
  name: 'wait',
  synopsis: 'wait [options] NAME',
  summary: 'Wait until this Pod leads for life, then exit: for init containers',
  description: [
    'Waits until this Pod holds the lock NAME, a ConfigMap that the Pod owns, and exits with 0. From ' +
      'then on the Pod leads until it is gone, so the containers that start next lead. Needs ' +
      'POD_NAME, POD_UID and POD_NAMESPACE from the downward API.',
    'Exit codes: 0 this Pod leads; 124 --timeout ran out; 125 wait failed; 128 + n a signal ended the ' +
      'wait, 143 for SIGTERM.',
  ],
  names: { min: 1, max: 1 },
  exitCodes: ELECTION_EXIT_CODES,
  options: { timeout: TIMEOUT, ...PREFERENCE_OPTION, ...CONTEXT_OPTIONS },
  async run({ names, values, context }) {
    const [name = ''] = names;
    const marks = podOptionsOf(values);
    const signal = untilAsked();
    const place = await context.place();
    const { timeout: timeoutMs } = values;
    const { onEvent } = context;
    await become(name, { ...place, ...marks, signal, timeoutMs, onEvent }).catch(endOfWait);
    return 0;
  },
});
