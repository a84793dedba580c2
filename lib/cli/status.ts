import { type LockStatus, inspectLease, inspectLock, listLocks } from '../index.ts';
import { sleep, systemClock } from '../platform/clock.ts';
import { messageOf } from '../platform/printable.ts';
import { defineCommand } from './command.ts';
import { CONTEXT_OPTIONS, type Context, type Place } from './context.ts';
import { untilAsked } from './stop.ts';
import { age, aligned, shortDuration, table } from './table.ts';

/** How often `--watch` looks: as often as a leader renews its Lease. */
const LOOK_MS = 2_000;

type Format = 'table' | 'wide' | 'json' | 'yaml';

export const status = defineCommand({
  name: 'status',
  synopsis: 'status [options] [NAME…]',
  summary: 'Show who leads, since when, where, and why a lock is not free',
  description: [
    'Shows the locks NAME, ConfigMaps and Leases, or without a name all locks of the namespace: its ' +
      'Leases, and its ConfigMaps that one Pod owns. Those of client-go, operator-lib and other ' +
      'programs are shown, too. Needs the right to get them or, without a name, to list them; ' +
      'without the right to get Pods the node is missing.',
    'LEFT is the time until a Lease expires, by the clocks of its holder and of this machine. With ' +
      '--watch, a line follows for each change, until a signal ends it.',
    'Exit codes: 0 shown; 1 status failed; 2 bad usage; 128 + n a signal ended --watch.',
  ],
  names: { min: 0, max: Number.POSITIVE_INFINITY },
  options: {
    watch: { type: 'flag', short: 'w', help: 'Go on, with a line for each change' },
    output: {
      type: 'text',
      short: 'o',
      placeholder: 'FORMAT',
      choices: ['table', 'wide', 'json', 'yaml'],
      default: 'table',
      help: 'Format: table, wide, json or yaml; with --watch, json is one object a line',
    },
    ...CONTEXT_OPTIONS,
  },
  async run({ names, values, context }) {
    const signal = untilAsked();
    const place = await context.place();
    const format = values.output as Format;
    const look = () => statusesOf(names, { ...place, signal });
    const first = await look();
    if (!values.watch) {
      context.print(allOf(format, first));
      return 0;
    }
    await follow(format, first, look, context, signal);
    return 0;
  },
});

/** The status of each name, of all locks without one. A name may be that of two locks. */
export async function statusesOf(
  names: readonly string[],
  options: Place & { readonly signal?: AbortSignal },
): Promise<LockStatus[]> {
  if (names.length === 0) return listLocks(options);
  const found = await Promise.all(names.map((name) => bothOf(name, options)));
  return found.flat();
}

/** The ConfigMap and the Lease of this name, as far as they exist and may be read. */
async function bothOf(
  name: string,
  options: Place & { readonly signal?: AbortSignal },
): Promise<LockStatus[]> {
  const read = await Promise.allSettled([inspectLock(name, options), inspectLease(name, options)]);
  const found = read.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failed = read.filter((each) => each.status === 'rejected');
  const locks = found.filter(({ uid, reason }) => uid !== undefined && reason !== 'foreign');
  // What could not be read may be held.
  const [serious = locks.length === 0 ? failed[0] : undefined] = failed.filter(
    ({ reason }) => (reason as { code?: unknown }).code !== 'ERR_FORBIDDEN',
  );
  if (serious) throw serious.reason;
  if (locks.length > 0) return locks;
  return found.toSorted(({ reason }) => (reason === 'foreign' ? -1 : 1)).slice(0, 1);
}

const COLUMNS = ['NAME', 'MODE', 'LEADER', 'NODE', 'SINCE', 'LEFT', 'STATE'];
const WIDE = [...COLUMNS, 'POD', 'TRANSITIONS', 'WHY'];
/** Of `--watch`, whose later rows are not known. */
const WIDTHS = [24, 5, 36, 16, 5, 4, 8, 24, 11, 0];

function allOf(format: Format, found: readonly LockStatus[]): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(found, null, 2)}\n`;
    case 'yaml':
      return found.length === 0 ? '[]\n' : found.map(yaml).join('');
    default:
      if (found.length === 0) return 'There are no locks in this namespace.\n';
      return table(
        format === 'wide' ? WIDE : COLUMNS,
        found.map((each) => row(format, each)),
      );
  }
}

function oneOf(format: Format, found: LockStatus): string {
  if (format === 'json') return `${JSON.stringify(found)}\n`;
  if (format === 'yaml') return `---\n${yaml(found)}`;
  const cells = row(format, found).map((cell) => cell || '-');
  return `${aligned(cells, WIDTHS)}\n`;
}

function row(format: Format, found: LockStatus): string[] {
  const { name, mode, holder = '', nodeName = '', since, remainingMs, reason } = found;
  const left = remainingMs === undefined ? '' : shortDuration(remainingMs);
  const state =
    found.stepDown !== undefined && found.stepDown === holder ? 'stepping-down' : reason;
  const cells = [name, mode, holder, nodeName, age(since), left, state].map(printable);
  if (format !== 'wide') return cells;
  const { podName = '', transitions = '', message } = found;
  return [...cells, podName, String(transitions), message];
}

/** An identity may be any text, also one that controls a terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, ' ');
}

/** Every JSON value is one in YAML, too. */
function yaml(found: LockStatus): string {
  const lines = Object.entries(found).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return `- ${lines.join('\n  ')}\n`;
}

/** Prints every change until the signal aborts. */
async function follow(
  format: Format,
  first: readonly LockStatus[],
  look: () => Promise<readonly LockStatus[]>,
  { print, say }: Context,
  signal: AbortSignal,
): Promise<never> {
  let shown = new Map<string, string>();
  let found = first;
  const titles = format === 'wide' ? WIDE : COLUMNS;
  if (format === 'table' || format === 'wide') print(`${aligned(titles, WIDTHS)}\n`);
  for (;;) {
    const seen = new Map(found.map((each) => [`${each.mode} ${each.name}`, newsOf(each)]));
    for (const each of found) {
      if (shown.get(`${each.mode} ${each.name}`) !== newsOf(each)) print(oneOf(format, each));
    }
    for (const key of shown.keys()) {
      const [mode = 'life', name = ''] = key.split(' ');
      if (!seen.has(key)) print(oneOf(format, goneOf(mode as LockStatus['mode'], name, first)));
    }
    shown = seen;
    await sleep(systemClock, LOOK_MS, signal);
    try {
      found = await look();
    } catch (error) {
      signal.throwIfAborted();
      say(messageOf(error));
    }
  }
}

/** What makes a line worth printing: not the time that is left. */
function newsOf({ holder, since, reason, nodeName, stepDown }: LockStatus): string {
  return JSON.stringify([holder, since, reason, nodeName, stepDown]);
}

function goneOf(mode: LockStatus['mode'], name: string, first: readonly LockStatus[]): LockStatus {
  const namespace = first[0]?.namespace ?? '';
  return { mode, name, namespace, reason: 'free', message: 'nobody holds the lock' };
}
