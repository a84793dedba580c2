import type { Candidate } from './candidate.ts';
import type { Violation } from './check.ts';
import { targetOf } from './events/target.ts';
import { type Fact, type Handlers, type Sent, handle } from './fact.ts';
import type { Details } from './family.ts';
import { Holder } from './holder.ts';
import { play } from './play.ts';
import type { Event, Schedule } from './schedule.ts';
import { span } from './setting-words.ts';
import { describe, time } from './transcript.ts';
import type { World } from './world.ts';

/** What the process in a slot is at some moment. */
export type Lane = 'absent' | 'alive' | 'still' | 'leads' | 'leads still';

/** Where something is told: the number of a slot, or one of these. */
export type Column = number | 'world' | 'cluster';

/** Something of note, as it is told in one column. */
export interface Moment {
  /** Undefined for what has been folded: it happened bit by bit. */
  readonly atMs: number | undefined;
  readonly column: Column;
  text: string;
  /** By slot, when it was over. */
  readonly lanes: readonly Lane[];
  /** A line across all columns, as where a phase begins. */
  readonly isAcross?: boolean;
}

/** What a run was like, for those who tell it. */
export interface Story {
  readonly schedule: Schedule;
  readonly moments: readonly Moment[];
  readonly violations: readonly Violation[];
  /** Every process, in the order of their births. */
  readonly cast: readonly Role[];
}

/** A process, and what a reader who meets its name wants to know. */
export interface Role {
  readonly name: string;
  readonly slot: number;
  readonly podName: string;
  /** When it began to lead; undefined if it does not in the end. */
  leadsSinceMs: number | undefined;
}

/** Plays a schedule, and notes what happens as it is to be told. Others may follow it, too. */
export async function storyOf(
  schedule: Schedule,
  follow: (world: World) => void = () => undefined,
): Promise<Story> {
  let teller: Storyteller | undefined;
  const { violations } = await play(schedule, (world) => {
    teller = new Storyteller(world);
    world.listen(teller.notice);
    follow(world);
  });
  if (!teller) throw new Error('nothing was played');
  return { schedule, ...teller.finish(violations) };
}

/** Requests of this kind are told one by one only if something comes of them. */
const QUIET_VERBS = new Set(['get', 'list', 'watch']);

/** What has been folded is put before what follows it if it is not longer. */
const SHORT = 16;

/** How often something that has been folded happened, and when at last. */
interface Times {
  readonly count: number;
  readonly lastMs: number;
}

interface Write {
  readonly what: string;
  /** When it was sent. */
  readonly moment: Moment;
}

/** Picks what matters of what it is told, and folds the rest. */
class Storyteller {
  readonly #world: World;
  readonly #moments: Moment[] = [];
  readonly #roles = new Map<Candidate, Role>();
  readonly #folded = new Map<Column, Map<string, Times>>();
  /** Requests that write, by their numbers; but not renewals. */
  readonly #writes = new Map<number, Write>();
  /** What each process was last told of the lock. */
  readonly #told = new Map<Candidate, string>();
  readonly #running = new Map<Candidate, boolean>();
  readonly #valid = new Map<Candidate, boolean>();
  readonly #holder: Holder;

  constructor(world: World) {
    this.#world = world;
    this.#holder = new Holder(world);
  }

  finish(violations: readonly Violation[]): Omit<Story, 'schedule'> {
    this.#unfoldAll();
    return {
      moments: this.#moments,
      cast: [...this.#roles.values()],
      violations: violations.map((each) => ({ ...each, text: this.#holder.readable(each.text) })),
    };
  }

  readonly notice = (fact: Fact): void => handle(this.#handlers, fact);

  readonly #handlers: Handlers = {
    event: ({ event }) => this.#note('world', this.#eventWords(event)),
    phase: ({ phase }) => {
      if (phase !== 'trouble') this.#note('world', phase, true);
    },
    born: ({ who }) => {
      const { name, slot, podName } = who;
      this.#roles.set(who, { name, slot, podName, leadsSinceMs: undefined });
      this.#running.set(who, true);
      this.#note(slot, `${name} begins`);
    },
    died: ({ who }) => {
      this.#end(who);
      this.#note(who.slot, `${who.name} is dead`, false, who);
    },
    asked: ({ who }) => this.#note(who.slot, 'asks to lead'),
    withdrew: ({ who }) => this.#note(who.slot, 'wants it no more'),
    refused: ({ who, error }) => {
      this.#end(who);
      // A code says enough.
      const isCoded = error instanceof Error && 'code' in error;
      this.#note(who.slot, `refused: ${isCoded ? String(error.code) : describe(error)}`);
    },
    leads: ({ who, token }) => {
      const role = this.#roles.get(who);
      if (role) role.leadsSinceMs = this.#world.clock.now();
      this.#valid.set(who, true);
      this.#note(who.slot, token === '' ? 'LEADS' : `LEADS, token ${token}`);
    },
    ended: ({ who, why }) => {
      const led = this.#valid.has(who);
      this.#end(who);
      this.#note(who.slot, led ? `leads no more: ${why}` : why);
    },
    'steps down': ({ who, isCalled }) =>
      this.#note(who.slot, isCalled ? 'steps down' : 'is told to step down'),
    released: ({ who }) => this.#note(who.slot, 'is told that it has released'),
    sent: ({ who, sent }) => this.#sent(who, sent),
    answered: ({ who, sent, status, body }) => this.#answered(who, sent, status, body),
    unanswered: ({ who, sent, why }) => this.#unanswered(who, sent, why),
    written: (fact) => {
      const words = this.#holder.notice(fact);
      if (words === 'renewal') this.#fold('cluster', words);
      else if (words !== undefined) this.#note('cluster', words);
    },
    warned: ({ who, code }) => this.#note(who.slot, `warns ${code}`),
    settled: () => this.#settled(),
  };

  #eventWords(event: Event): string {
    const words = this.#world.tell(event).replace(/\b(\d{4,}) ms\b/g, (_, ms) => span(ms));
    if (event['slot'] !== 'leader') return words;
    const { candidate } = targetOf(this.#world, event as unknown as Details);
    const name = candidate?.isValid ? candidate.name : 'none; the first';
    return words.replace('the leader', `the leader (${name})`);
  }

  #end(who: Candidate): void {
    const role = this.#roles.get(who);
    if (role) role.leadsSinceMs = undefined;
    this.#valid.delete(who);
  }

  #sent(who: Candidate, sent: Sent): void {
    if (QUIET_VERBS.has(sent.verb) || !this.#holder.isLock(sent.resource, sent.name)) return;
    const what = this.#purpose(sent);
    if (what === 'renewal') return;
    const moment = this.#note(who.slot, `→ ${what}${conditions(sent)}`);
    this.#writes.set(sent.number, { what, moment });
  }

  #purpose({ verb, request }: Sent): string {
    return verb === 'update' ? this.#holder.purpose(request.body) : verb;
  }

  #answered(who: Candidate, sent: Sent, status: number, body: unknown): void {
    const { verb, resource, number } = sent;
    const write = this.#writes.get(number);
    const outcome = status < 300 ? 'done' : String(status);
    if (write) this.#outcome(who, write, outcome);
    else if (!this.#holder.isLock(resource, sent.name) || verb === 'watch') {
      this.#fold(who.slot, `${WORDS[verb] ?? verb}${status < 400 ? '' : ` → ${status}`}`);
    } else if (verb === 'update') {
      if (status < 300) this.#fold(who.slot, 'renewal');
      else this.#note(who.slot, `← renewal: ${outcome}`);
    } else if (status < 300 || status === 404) {
      const found = verb === 'list' ? itemOf(body) : body;
      const shown = this.#holder.words(resource, status === 404 ? undefined : found);
      if (this.#isNews(who, shown)) this.#note(who.slot, `reads: ${shown}`);
      else this.#fold(who.slot, 'read');
    } else this.#fold(who.slot, `read → ${outcome}`);
  }

  #outcome(who: Candidate, { what, moment }: Write, outcome: string): void {
    // At once: its sender heard of nothing in between.
    const isAtOnce = moment.atMs === this.#world.clock.now() && this.#isLast(moment);
    if (isAtOnce) moment.text += `: ${outcome}`;
    else this.#note(who.slot, `← ${what}: ${outcome}`);
  }

  #unanswered(who: Candidate, sent: Sent, why: string): void {
    const { verb, resource, name, number, atMs } = sent;
    if (QUIET_VERBS.has(verb) || !this.#holder.isLock(resource, name)) {
      this.#fold(who.slot, `${WORDS[verb] ?? verb} without answer`);
      return;
    }
    const what = this.#writes.get(number)?.what ?? 'renewal';
    const after = span(this.#world.clock.now() - atMs);
    this.#note(who.slot, `✗ ${what}: no answer after ${after}: ${why}`);
  }

  #isNews(who: Candidate, shown: string): boolean {
    const isNews = this.#told.get(who) !== shown;
    this.#told.set(who, shown);
    return isNews;
  }

  /** What nobody tells: that it stands still, or may no longer lead though it was told nothing. */
  #settled(): void {
    for (const who of this.#world.living) {
      const { isRunning } = who;
      if (this.#running.get(who) !== isRunning) {
        this.#running.set(who, isRunning);
        this.#note(who.slot, isRunning ? 'goes on' : 'stands still');
      }
      if (!isRunning || !this.#valid.has(who)) continue;
      const { isValid } = who;
      if (this.#valid.get(who) === isValid) continue;
      this.#valid.set(who, isValid);
      this.#note(who.slot, isValid ? 'is sure again' : 'its time is over');
    }
  }

  #isLast(moment: Moment): boolean {
    return !this.#moments
      .slice(this.#moments.indexOf(moment) + 1)
      .some(({ column }) => column === moment.column);
  }

  #fold(column: Column, what: string): void {
    const folded = this.#folded.get(column) ?? new Map<string, Times>();
    const count = (folded.get(what)?.count ?? 0) + 1;
    this.#folded.set(column, folded.set(what, { count, lastMs: this.#world.clock.now() }));
  }

  #unfold(column: Column): string {
    const folded = this.#folded.get(column);
    if (!folded) return '';
    this.#folded.delete(column);
    const text = [...folded].map(([what, times]) => timesWords(what, times)).join(', ');
    if (text.length <= SHORT) return text;
    this.#moments.push({ atMs: undefined, column, text, lanes: this.#lanes() });
    return '';
  }

  #unfoldAll(): void {
    for (const column of [...this.#folded.keys()]) {
      const text = this.#unfold(column);
      if (text !== '') {
        this.#moments.push({ atMs: undefined, column, text, lanes: this.#lanes() });
      }
    }
  }

  #note(column: Column, what: string, isAcross = false, dying?: Candidate): Moment {
    if (isAcross) this.#unfoldAll();
    const before = this.#unfold(column);
    const text = before === '' ? what : `${before}; ${what}`;
    const atMs = this.#world.clock.now();
    const lanes = this.#lanes(dying);
    const last = this.#moments.at(-1);
    if (last?.column === column && last.atMs === atMs && last.text.endsWith(' begins')) {
      Object.assign(last, { text: `${last.text}, ${text}`, lanes });
      return last;
    }
    const moment = { atMs, column, text, lanes, isAcross };
    this.#moments.push(moment);
    return moment;
  }

  #lanes(dying?: Candidate): Lane[] {
    return this.#world.slots.map(({ candidate }) => {
      if (!candidate?.isAlive || candidate === dying) return 'absent';
      const leads = this.#valid.get(candidate) === true;
      if (candidate.isRunning) return leads ? 'leads' : 'alive';
      return leads ? 'leads still' : 'still';
    });
  }
}

const WORDS: Readonly<Record<string, string>> = { get: 'read', list: 'read' };

/** When it was renewed last decides how long a leader may believe that it leads. */
function timesWords(what: string, { count, lastMs }: Times): string {
  return plural(count, what) + (what === 'renewal' ? ` (last at ${time(lastMs)})` : '');
}

function plural(count: number, what: string): string {
  if (count === 1) return `1 ${what}`;
  const [first = '', ...rest] = what.split(' ');
  const many = first === 'watch' ? 'watches' : `${first}s`;
  return [count, many, ...rest].join(' ');
}

function itemOf(list: unknown): unknown {
  return (list as { items?: readonly unknown[] } | undefined)?.items?.[0];
}

function conditions({ verb, request }: Sent): string {
  const { preconditions, metadata } = (request.body ?? {}) as {
    preconditions?: { resourceVersion?: string };
    metadata?: { resourceVersion?: string };
  };
  const version = verb === 'delete' ? preconditions?.resourceVersion : metadata?.resourceVersion;
  return version === undefined ? '' : ` @${version}`;
}
