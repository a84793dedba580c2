import { styleText } from 'node:util';
import { type Finding, diagnose } from '../index.ts';
import { defineCommand } from './command.ts';
import { CONTEXT_OPTIONS } from './context.ts';
import { untilAsked } from './stop.ts';
import { aligned } from './table.ts';

const COLOURS = { ok: 'green', warning: 'yellow', error: 'red' } as const;

const WIDTHS = ['warning'.length, 'grace-period'.length];

export const doctor = defineCommand({
  name: 'doctor',
  synopsis: 'doctor [options] NAME',
  summary: 'Check everything that an election rests on, and say what to do',
  description: [
    'Checks the environment, the token, the API server, the clock, each right, the lock NAME, and the ' +
      "rollout, grace period and readiness probe of the Pod's workload, as this Pod or with this " +
      'kubeconfig. Prints a line for each: ok, warning or error, with what to do. Changes nothing.',
    'Exit codes: 0 an election can work; 1 it cannot; 2 bad usage.',
  ],
  names: { min: 1, max: 1 },
  options: {
    lease: { type: 'flag', help: 'NAME is a Lease, not a ConfigMap' },
    pod: {
      type: 'text',
      placeholder: 'NAME',
      help: 'Pod whose workload to look at; by default $POD_NAME, else the Pod that leads',
    },
    ...CONTEXT_OPTIONS,
  },
  async run({ names, values, context }) {
    const [name = ''] = names;
    const place = await context.place();
    const options = { ...place, podName: values.pod, signal: untilAsked() };
    let isSick = false;
    for await (const finding of diagnose(values.lease ? 'lease' : 'life', name, options)) {
      context.print(lineOf(finding));
      isSick ||= finding.level === 'error';
    }
    return isSick ? 1 : 0;
  },
});

/** Coloured only on a terminal, and not with NO_COLOR. */
function lineOf({ level, check, message }: Finding): string {
  const [label = '', ...rest] = aligned([level, check, message], WIDTHS).split(/(?<=^\S+)/);
  return `${styleText(COLOURS[level], label, { stream: process.stdout })}${rest.join('')}\n`;
}
