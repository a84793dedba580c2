import { words } from './family.ts';
import type { Schedule, SlotSetting } from './schedule.ts';

/** What users get who say nothing, and what goes without saying. */
export const USUAL: Readonly<Record<string, unknown>> = {
  uid: 'told',
  guard: false,
  maxBackoffMs: 16_000,
  calls: 'lead',
  recampaign: false,
  releaseOnCancel: true,
  workMs: 0,
  slownessMs: 0,
  keepsIdentity: false,
  asksTwice: false,
  isNamesake: false,
  health: undefined,
  prefers: undefined,
};

const OPTIONS: Readonly<Record<string, (value: unknown) => string>> = {
  uid: (uid) => (uid === 'asked' ? 'asks for its UID' : 'is told a wrong UID'),
  guard: () => 'guard',
  maxBackoffMs: (ms) => `waits ${span(ms)} at most between tries`,
  calls: () => 'runs a LeaderElector',
  recampaign: () => 'recampaigns',
  releaseOnCancel: () => 'does not release on cancel',
  workMs: (ms) => `its work ends after ${span(ms)}`,
  health: (checks) => `checks its health (${words(checks)})`,
  prefers: (leaning) => `prefers the ${String(leaning)} candidate`,
  slownessMs: (ms) => `its work takes ${span(ms)} to stop`,
  keepsIdentity: () => 'keeps its identity when it starts again',
  isNamesake: () => 'has the identity of another',
  inPod: () => 'runs in a Pod',
  asksTwice: () => 'asks a second time while it competes',
  restartMs: (ms) => `starts again after ${span(ms)}`,
  requestTimeoutMs: (ms) => `gives requests ${span(ms)}`,
};

/** What a world is like before anything happens, in words; of the slots that were used. */
export function settingWords(
  { mode, seed, setting }: Schedule,
  used: ReadonlySet<number>,
): string[] {
  const { slots, latencyMs, gcDelayMs, troubleMs, calm, leftOver, renames } = setting;
  const [minMs, maxMs] = latencyMs;
  const gc = gcDelayMs > 0 ? `; the garbage collector comes ${span(gcDelayMs)} late` : '';
  const least = minMs === maxMs ? '' : `${minMs} to `;
  const latency = maxMs === 0 ? 'no time' : `${least}${span(maxMs)}`;
  const healing = `trouble lasts ${span(troubleMs)}, then everything is mended${calm ? ', then it is calm' : ''}`;
  const names = renames === true ? '; new Pods have new names' : '';
  return [
    `Setting: ${mode} mode, seed ${seed}; requests take ${latency}${gc}${names}; ${healing}.`,
    ...(leftOver === undefined ? [] : [`  There is a Lease already: ${words(leftOver)}.`]),
    ...(setting['webhook'] === undefined
      ? []
      : [`  A webhook changes what is stored of a Lease: ${words(setting['webhook'])}.`]),
    ...slots.flatMap((slot, index) =>
      used.has(index) ? [`  ${letter(index)}: pod-${index}, ${slotWords(slot)}`] : [],
    ),
  ];
}

/** What the processes of a slot are called by. */
export function letter(slot: number): string {
  return String.fromCodePoint(97 + slot);
}

function slotWords(slot: SlotSetting): string {
  const { kind, clock, ...rest } = slot;
  const { times, ...options } = rest as { times?: Readonly<Record<string, number>> };
  return [
    kind,
    ...(times
      ? [
          `lease ${span(times['leaseDurationMs'])}, renewed within ${span(times['renewDeadlineMs'])}, ` +
            `tries every ${span(times['retryPeriodMs'])}`,
        ]
      : []),
    ...(clock.rate === 1 ? [] : [`clock × ${Number(clock.rate.toFixed(6))}`]),
    ...(clock.isCoarse === true ? ['boot clock of whole seconds'] : []),
    ...(clock.wallOffsetMs === 0 ? [] : [`wall clock off by ${span(clock.wallOffsetMs)}`]),
    ...Object.entries(options).flatMap(([name, value]) =>
      value === USUAL[name] ? [] : [OPTIONS[name]?.(value) ?? `${name} ${JSON.stringify(value)}`],
    ),
  ].join(', ');
}

/** As in `437 ms`, `15 s`, `14.9 s`. */
export function span(given: unknown): string {
  const ms = Number(given);
  if (Math.abs(ms) < 1_000) return `${Number(ms.toFixed(3))} ms`;
  return `${Number((ms / 1_000).toFixed(3))} s`;
}
