import type { Violation } from './check.ts';
import { settingWords } from './setting-words.ts';
import type { Story } from './story.ts';
import { table } from './table.ts';
import { time } from './transcript.ts';

/** A run for people: what was violated, in which setting, and how it came to that. */
export function timeline(story: Story): string[] {
  const told = { ...story, violations: distinct(story.violations) };
  const used = new Set(story.cast.map(({ slot }) => slot));
  return [
    ...headlines(told),
    '',
    ...settingWords(story.schedule, used),
    '',
    ...table({ ...told, slots: story.schedule.setting.slots }),
  ];
}

/** Some checks say the same at every step; none needs all digits of a time. */
function distinct(violations: readonly Violation[]): Violation[] {
  const texts = new Map<string, Violation>();
  for (const violation of violations) {
    const text = violation.text.replace(/\d+\.\d{4,}/g, (number) => Number(number).toFixed(3));
    const key = `${violation.check}: ${text}`;
    if (!texts.has(key)) texts.set(key, { ...violation, text });
  }
  return [...texts.values()];
}

function headlines({ violations, cast, moments }: Story): string[] {
  if (violations.length === 0) return ['Nothing was violated.'];
  return violations.flatMap(({ check, atMs, text }) => {
    const phase = moments.filter((moment) => moment.isAcross && (moment.atMs ?? 0) <= atMs).at(-1);
    const who = cast.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(text));
    const roles = who.map(({ name, podName, leadsSinceMs }) => {
      const since =
        leadsSinceMs === undefined ? 'does not lead' : `leads since ${time(leadsSinceMs)}`;
      return `${name} (${podName}) ${since}`;
    });
    return [
      `VIOLATION at ${time(atMs)}, ${PHASES[phase?.text ?? ''] ?? ''}: ${text} (check "${check}")`,
      ...(roles.length === 0 ? [] : [`  ${roles.join('; ')}`]),
    ];
  });
}

const PHASES: Readonly<Record<string, string>> = {
  '': 'in the trouble',
  healing: 'after everything was mended',
  calm: 'in the calm',
  end: 'after the end',
};
