import type { BecomeOptions } from '../index.ts';
import { type Options, UsageError, type Values, quote } from './option.ts';

/** Whom to prefer: the only one of these options that a command needs which ends once it leads. */
export const PREFERENCE_OPTION = {
  preference: {
    type: 'text',
    placeholder: 'WHICH',
    help:
      'Who should lead: newest, Pods of the revision that is rolled out; or KEY=VALUE, Pods on nodes ' +
      'with this label',
  },
} as const satisfies Options;

/** The options that concern the Pods of the candidates. */
export const POD_OPTIONS = {
  label: {
    type: 'text',
    placeholder: 'KEY=VALUE',
    help: "Label of the leader's Pod while it leads, for a Service; KEY alone means KEY=true",
  },
  'deletion-cost': {
    type: 'number',
    placeholder: 'NUMBER',
    help: "Deletion cost of the leader's Pod: a ReplicaSet first deletes Pods with a lower one (others have 0)",
  },
  ...PREFERENCE_OPTION,
} as const satisfies Options;

/** The same as options of the library. */
export function podOptionsOf(
  values: Partial<Values<typeof POD_OPTIONS>>,
): Pick<BecomeOptions, 'label' | 'deletionCost' | 'preference'> {
  const { label, 'deletion-cost': deletionCost, preference } = values;
  return { label, deletionCost, preference: preferenceOf(preference) };
}

function preferenceOf(text: string | undefined): BecomeOptions['preference'] {
  if (text === undefined || text === 'newest') return text;
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key !== undefined && value !== undefined) return { nodeLabel: { [key]: value } };
  throw new UsageError(`--preference must be newest or KEY=VALUE, but is ${quote(text)}.`);
}
