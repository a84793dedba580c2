import type { Candidate } from './candidate.ts';
import type { Violation } from './check.ts';
import type { Fact, Sent } from './fact.ts';
import { Holder } from './holder.ts';
import { play } from './play.ts';
import type { Event, Schedule } from './schedule.ts';
import { describe } from './transcript.ts';
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

/** Plays a schedule, and notes what happens as it is to be told. */
export async function storyOf(schedule: Schedule): Promise<Story> {
  let teller: Storyteller | undefined;
  const { violations } = await play(schedule, (world) => {
    teller = new Storyteller(world);
    world.listen(teller.notice);
  });
  if (!teller) throw new Error('nothing was played');
  return { schedule, violations, ...teller.finish() };
}

/** Requests of this kind are told one by one only if something comes of them. */
const QUIET_VERBS = new Set(['get', 'list', 'watch']);

/** What has been folded is put before what follows it if it is not longer. */
const SHORT = 16;

/** Picks what matters of what it is told, and folds the rest. */
class Storyteller {
  readonly #world: World;
  readonly #moments: Moment[] = [];
  readonly #roles = new Map<Candidate, Role>();
  readonly #folded = new Map<Column, Map<string, number>>();
  /** The moments at which requests that write were sent, by their numbers. */
  readonly #writes = new Map<number, Moment>();
  /** What each process was last told of the lock. */
  readonly #told = new Map<Candidate, string>();
  readonly #running = new Map<Candidate, boolean>();
  readonly #valid = new Map<Candidate, boolean>();
  readonly #holder: Holder;

  constructor(world: World) {
    this.#world = world;
    this.#holder = new Holder(world);
  }

  finish(): Pick<Story, 'moments' | 'cast'> {
    this.#unfoldAll();
    return { moments: this.#moments, cast: [...this.#roles.values()] };
  }

  readonly notice = (fact: Fact): void => {
    switch (fact.type) {
      case 'event':
        this.#note('world', this.#eventWords(fact.event));
        return;
      case 'phase':
        if (fact.phase !== 'trouble') this.#note('world', fact.phase, true);
        return;
      case 'born':
        this.#born(fact.who);
        return;
      case 'died':
        this.#end(fact.who);
        this.#note(fact.who.slot, `${fact.who.name} is dead`, false, fact.who);
        return;
      case 'asked':
        this.#note(fact.who.slot, 'asks to lead');
        return;
      case 'withdrew':
        this.#note(fact.who.slot, 'wants it no more');
        return;
      case 'refused':
        this.#end(fact.who);
        this.#note(fact.who.slot, `refused: ${describe(fact.error)}`);
        return;
      case 'leads':
        this.#leads(fact.who, fact.token);
        return;
      case 'ended':
        this.#end(fact.who);
        this.#note(fact.who.slot, `leads no more: ${fact.why}`);
        return;
      case 'sent':
        this.#sent(fact.who, fact.sent);
        return;
      case 'answered':
        this.#answered(fact.who, fact.sent, fact.status, fact.body);
        return;
      case 'unanswered':
        this.#unanswered(fact.who, fact.sent, fact.why);
        return;
      case 'written':
        this.#written(fact);
        return;
      case 'warned':
        this.#note(fact.who.slot, `warns ${fact.code}`);
        return;
      case 'settled':
        this.#settled();
    }
  };

  #eventWords(event: Event): string {
    const words = this.#world.tell(event);
    if (event['slot'] !== 'leader') return words;
    const leader = this.#world.leaders[0];
    return words.replace(
      'the leader',
      leader ? `the leader (${leader.name})` : 'the leader (none)',
    );
  }

  #born(who: Candidate): void {
    const { name, slot, podName } = who;
    this.#roles.set(who, { name, slot, podName, leadsSinceMs: undefined });
    this.#running.set(who, true);
    this.#note(slot, `${name} begins`);
  }

  #leads(who: Candidate, token: string): void {
    const role = this.#roles.get(who);
    if (role) role.leadsSinceMs = this.#world.clock.now();
    this.#valid.set(who, true);
    this.#note(who.slot, token === '' ? 'LEADS' : `LEADS, token ${token}`);
  }

  #end(who: Candidate): void {
    const role = this.#roles.get(who);
    if (role) role.leadsSinceMs = undefined;
    this.#valid.delete(who);
  }

  #sent(who: Candidate, sent: Sent): void {
    if (QUIET_VERBS.has(sent.verb) || !this.#holder.isLock(sent.resource, sent.name)) return;
    const { verb } = sent;
    const isRenewal = verb === 'update' && this.#holder.isRenewal(sent.request.body);
    if (isRenewal) return;
    this.#writes.set(sent.number, this.#note(who.slot, `→ ${verb}${conditions(sent)}`));
  }

  #answered(who: Candidate, sent: Sent, status: number, body: unknown): void {
    const { verb, resource, name, number } = sent;
    const write = this.#writes.get(number);
    const outcome = status < 300 ? 'done' : status;
    if (write) {
      // At once: its sender heard of nothing in between.
      if (write.atMs === this.#world.clock.now() && this.#isLast(write)) {
        write.text += `: ${outcome}`;
      } else this.#note(who.slot, `← ${verb}: ${outcome}`);
      return;
    }
    if (!this.#holder.isLock(resource, name) || verb === 'watch' || status >= 400) {
      const shown = this.#holder.isLock(resource, name) && status === 404 ? 'no lock' : undefined;
      if (shown !== undefined && this.#isNews(who, shown)) this.#note(who.slot, 'reads: no lock');
      else this.#fold(who.slot, `${WORDS[verb] ?? verb}${status < 400 ? '' : ` → ${status}`}`);
      return;
    }
    if (verb === 'update') {
      this.#fold(who.slot, 'renewal');
      return;
    }
    const shown = this.#holder.words(verb === 'list' ? itemOf(body) : body);
    if (this.#isNews(who, shown)) this.#note(who.slot, `reads: ${shown}`);
    else this.#fold(who.slot, 'read');
  }

  #unanswered(who: Candidate, { verb, resource, name, atMs }: Sent, why: string): void {
    const isLock = this.#holder.isLock(resource, name);
    if (QUIET_VERBS.has(verb) || !isLock) {
      this.#fold(who.slot, `${WORDS[verb] ?? verb} without answer`);
      return;
    }
    const seconds = ((this.#world.clock.now() - atMs) / 1_000).toFixed(3);
    this.#note(who.slot, `✗ ${verb}: no answer in ${seconds} s: ${why}`);
  }

  #isNews(who: Candidate, shown: string): boolean {
    const isNews = this.#told.get(who) !== shown;
    this.#told.set(who, shown);
    return isNews;
  }

  #written(fact: Fact & { type: 'written' }): void {
    const words = this.#holder.notice(fact);
    if (words === undefined) return;
    if (words === 'renewal') this.#fold('cluster', 'renewal');
    else this.#note('cluster', words);
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
    const counts = this.#folded.get(column) ?? new Map<string, number>();
    this.#folded.set(column, counts.set(what, (counts.get(what) ?? 0) + 1));
  }

  #unfold(column: Column): string {
    const counts = this.#folded.get(column);
    if (!counts) return '';
    this.#folded.delete(column);
    const text = [...counts].map(([what, count]) => plural(count, what)).join(', ');
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
