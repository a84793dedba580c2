import type { Event, Schedule, SlotSetting } from './schedule.ts';

/** A schedule that once found something. Its file has only what differs from the defaults. */
export interface Regression {
  readonly found: string;
  readonly schedule: Schedule;
}

const setting = {
  moments: [],
  calm: false,
  latencyMs: [1, 1],
  gcDelayMs: 0,
  keepsEnded: false,
  renames: false,
} as const;

const clock = { rate: 1, startMs: 0, wallOffsetMs: 0 };

const slots: Readonly<Record<SlotSetting['kind'], Readonly<Record<string, unknown>>>> = {
  life: { clock, uid: 'told', guard: false, maxBackoffMs: 16_000, restartMs: 20_000 },
  lease: {
    clock,
    times: { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
    calls: 'lead',
    recampaign: false,
    releaseOnCancel: true,
    workMs: 0,
    slownessMs: 0,
    keepsIdentity: false,
    restartMs: 20_000,
  },
  'client-go': { clock, restartMs: 20_000 },
};

const LINE = /^(?<words>[^{]+?)(?: (?<json>\{.*\}))?$/;

/** What it has found; the mode, the seed and the setting; the slots; and the events, each at its time. */
export function parseRegression(text: string): Regression {
  const [found = '', head, ...lines] = text.trimEnd().split('\n');
  const [[mode = '', seed], given] = wordsOf(head);
  const complete: SlotSetting[] = [];
  const events: Event[] = [];
  for (const line of lines) {
    const [[first = '', ...rest], details] = wordsOf(line);
    if (/^\d/.test(first)) events.push({ atMs: Number(first), what: rest.join(' '), ...details });
    else {
      for (const kind of [first, ...rest] as SlotSetting['kind'][]) {
        complete.push({ kind, ...slots[kind], ...details } as SlotSetting);
      }
    }
  }
  const whole = { ...setting, ...given, slots: complete } as unknown as Schedule['setting'];
  const schedule = { mode: mode as Schedule['mode'], seed: Number(seed), setting: whole, events };
  return { found, schedule };
}

function wordsOf(line = ''): [words: string[], details: Readonly<Record<string, unknown>>] {
  const { words = '', json = '{}' } = LINE.exec(line)?.groups ?? {};
  return [words.split(' '), JSON.parse(json) as Readonly<Record<string, unknown>>];
}

export function regressionText({ found, schedule }: Regression): string {
  const { mode, seed, events } = schedule;
  const { slots: given, ...rest } = schedule.setting;
  const alike: { kinds: string; details: string }[] = [];
  for (const { kind, ...slot } of given) {
    const details = jsonOf(differing(slot, slots[kind]));
    const last = alike.at(-1);
    if (last?.details === details && last.kinds.endsWith(kind)) last.kinds += ` ${kind}`;
    else alike.push({ kinds: kind, details });
  }
  const lines = [
    found,
    `${mode} ${seed}${jsonOf(differing(rest, setting))}`,
    ...alike.map(({ kinds, details }) => kinds + details),
    ...events.map(({ atMs, what, ...details }) => `${atMs} ${what}${jsonOf(details)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function jsonOf(details: object): string {
  return Object.keys(details).length === 0 ? '' : ` ${JSON.stringify(details)}`;
}

function differing(
  value: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const isDefault = (key: string) => JSON.stringify(value[key]) === JSON.stringify(defaults[key]);
  const keys = Object.keys(value).filter((key) => !isDefault(key));
  return Object.fromEntries(keys.sort().map((key) => [key, value[key]]));
}
