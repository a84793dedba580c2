import type { Check } from '../check.ts';
import type { Fact } from '../fact.ts';

/** Whoever says that a right is missing, or prints the Role that grants it, was told so. */
export const missingRights: Check = {
  name: 'missing rights',
  begin: (_, violated) => {
    const refused = new Set<unknown>();
    const denied = new Set<unknown>();
    return (fact) => {
      if (fact.type === 'answered' && fact.status === 403) {
        refused.add(fact.who);
        if (isDenial(fact)) denied.add(fact.who);
      } else if (fact.type === 'warned') {
        const { who, code, message } = fact;
        if (code === 'LEADER_FOR_LIFE_DEGRADED' && !refused.has(who)) {
          violated(`${who.name} goes on without a right that nobody denied: ${message}`);
        }
        if (printsRole(message) && !denied.has(who)) violated(needless(who.name, message));
      } else if (fact.type === 'refused' && !denied.has(fact.who)) {
        const said = fact.error instanceof Error ? fact.error.message : '';
        if (printsRole(said)) violated(needless(fact.who.name, said));
      }
    };
  },
};

/**
 * The authorizer's, which a Role may change: a quota, or an admission plugin, answers 403, too. They
 * have no say in a watch, whose answer is not kept.
 */
function isDenial({ sent, body }: Fact & { type: 'answered' }): boolean {
  const { message = '' } = (body ?? {}) as { readonly message?: string };
  return sent.verb === 'watch' || / is forbidden: User "[^"]+" cannot /.test(message);
}

function printsRole(text: string): boolean {
  return text.includes('kind: Role');
}

function needless(name: string, message: string): string {
  return `${name} prints a Role that mends nothing: ${message.slice(0, 300)}`;
}
