import { anySlot, duration, moment } from '../draw.ts';
import type { Family } from '../family.ts';
import type { Mishap } from '../line.ts';
import type { Luck } from '../luck.ts';
import type { Event, Setting } from '../schedule.ts';

/**
 * What hardly ever comes about when each event is drawn alone: the events are those of other families,
 * one after the other, with times of their own between them.
 */
function sequences(name: string, draw: (luck: Luck, setting: Setting) => Event[]): Family {
  return {
    name,
    draw: (luck, setting) =>
      Array.from({ length: luck.integer(1, 3) }, () => draw(luck, setting)).flat(),
    kinds: {},
  };
}

/** While a release is under way, the same program asks again. */
export const overlappingReleases = sequences('overlapping releases', (luck, setting) => {
  const atMs = moment(luck, setting);
  const askedMs = atMs + duration(luck, 10_000);
  const mishap: Mishap = {
    verb: 'delete',
    probability: 1,
    times: luck.integer(1, 2),
    ...luck.pick<Partial<Mishap>>([
      { lateMs: duration(luck, 5_000, 1) },
      { answerMs: duration(luck, 5_000, 1) },
      { lost: 'broken' },
      { lost: 'broken', answerMs: duration(luck, 5_000, 1) },
      { lost: 'silent' },
    ]),
  };
  return [
    { atMs, what: 'mishap', slot: 'leader', mishap, forMs: 10_000 },
    { atMs, what: 'finish', slot: 'leader' },
    { atMs: askedMs, what: 'again', slot: 'last leader' },
  ];
});

/** A release fails, its program asks again, and then its requests take effect. */
export const lateReleases = sequences('late releases', (luck, setting) => {
  const atMs = luck.integer(0, Math.min(setting.troubleMs - 1, 20_000));
  const lateMs = duration(luck, 20_000, 15_000);
  const stranded = (verb: string): Mishap => ({ verb, probability: 1, isStranded: true, lateMs });
  const mishaps = luck.pick([['patch'], ['delete'], ['patch', 'delete']]);
  return [
    ...mishaps.map((verb) => {
      return { atMs, what: 'mishap', slot: 'leader', mishap: stranded(verb), forMs: 17_000 };
    }),
    { atMs: atMs + 1, what: 'finish', slot: 'leader' },
    { atMs: atMs + 1 + duration(luck, 20_000, 10_000), what: 'again', slot: 'last leader' },
  ];
});

/** As long as a doubt lasts by the fastest clock that there is, nearly. */
const MAX_STRANDED_MS = 4_400;

/**
 * A create is believed to have failed, its program gives up, and the lock becomes free for it; or it leads
 * first, and loses the lock.
 */
export const strandedCreates = sequences('stranded creates', (luck, setting) => {
  const atMs = moment(luck, setting);
  const slot = anySlot(luck, setting);
  const lateMs = duration(luck, MAX_STRANDED_MS, 500);
  const mishap: Mishap = { verb: 'create', probability: 1, times: 1, isStranded: true, lateMs };
  return [
    { atMs, what: 'mishap', slot, mishap, forMs: 1_000 },
    { atMs, what: 'again', slot },
    ...endOfCall(luck, atMs, lateMs, slot),
  ];
});

function endOfCall(luck: Luck, atMs: number, lateMs: number, slot: number): Event[] {
  const firstMs = atMs + duration(luck, lateMs, 100);
  const secondMs = atMs + duration(luck, lateMs, 100);
  const lost = luck.fork('lost');
  if (!lost.chance(0.5)) {
    return [
      { atMs: firstMs, what: 'cancel', slot },
      { atMs: secondMs, what: 'finish', slot: 'leader' },
    ];
  }
  const pod = { lastMs: 30_000, goneMs: 0, phase: 'Failed' };
  const lostMs = Math.max(firstMs, secondMs);
  return [
    ...(lost.chance(0.5)
      ? [{ atMs: Math.min(firstMs, secondMs), what: 'finish', slot: 'leader' }]
      : []),
    { atMs: lostMs, what: 'delete', slot: 'leader', cascade: 'foreground', ...pod },
  ];
}

/** A lock is held by a finalizer while it is given up, and its Pod asks for it again. */
export const dyingLocks = sequences('dying locks', (luck, setting) => {
  const atMs = moment(luck, setting);
  const finishedMs = atMs + duration(luck, 2_000);
  const askedMs = finishedMs + duration(luck, 5_000);
  return [
    { atMs, what: 'hold lock', forMs: duration(luck, 30_000, 1_000) },
    { atMs: finishedMs, what: 'finish', slot: 'leader' },
    { atMs: askedMs, what: 'again', slot: 'last leader' },
  ];
});

/** Two calls of one program lead with one lock, and what the first looks up takes longer than that. */
export const overlappingCalls = sequences('overlapping calls', (luck, setting) => {
  const atMs = moment(luck, setting);
  const askedMs = atMs + duration(luck, 200);
  const answerMs = duration(luck, 9_000, 500);
  const mishap: Mishap = { verb: 'get', resource: 'pods', probability: 1, times: 1, answerMs };
  return [
    { atMs, what: 'finish', slot: 'leader' },
    { atMs: askedMs, what: 'mishap', slot: 'last leader', mishap, forMs: 5_000 },
    { atMs: askedMs, what: 'again', slot: 'last leader' },
    { atMs: askedMs + duration(luck, 500), what: 'again', slot: 'last leader' },
    { atMs: askedMs + duration(luck, answerMs, 100), what: 'finish', slot: 'leader' },
  ];
});

/** The leader's Pod is deleted in the foreground; the next holder waits for it, and ends first. */
export const inheritedWaits = sequences('inherited waits', (luck, setting) => {
  const atMs = luck.integer(0, Math.min(setting.troubleMs - 1, 20_000));
  const pod = { goneMs: luck.pick([0, 100, 10_000]), phase: 'Failed' };
  const lastMs = duration(luck, 30_000, 10_000);
  const ends = Array.from({ length: luck.integer(1, 2) }, () => ({
    atMs: atMs + duration(luck, lastMs, 10),
    what: luck.pick(['evict', 'evict', 'complete', 'delete']),
    slot: 'holder',
    lastMs: 0,
    cascade: 'background',
    ...pod,
  }));
  return [{ atMs, what: 'delete', slot: 'leader', lastMs, cascade: 'foreground', ...pod }, ...ends];
});
