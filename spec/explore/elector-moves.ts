/** What one elector may do, or be told, next. */
import type { Event, State } from '../../lib/protocol/lease/state.ts';
import { standAside } from './bars.ts';
import { spend } from './bounds.ts';
import type { Broken, Move } from './explorer.ts';
import {
  type LeaseWorld,
  type Request,
  advance,
  answerWords,
  begin,
  carryOut,
  change,
  elector,
  factWords,
  hasEnded,
  leads,
  requestWords,
} from './lease-world.ts';

export function electorMoves(world: LeaseWorld, index: number, moves: Move<LeaseWorld>[]): void {
  const { state, request, nowMs, tickMs, watching } = elector(world, index);
  const add = (to: LeaseWorld, say: () => string, broken?: Broken) =>
    moves.push({ to, place: index, say, broken });
  const { command, phase } = state;
  if (request) requestMoves(world, index, request, add);
  if (command.do === 'wait') {
    if (command.untilMs < nowMs + tickMs) {
      add(advance(world, index, { type: 'time-up' }), () => 'its timer fires');
    }
    if (watching) {
      for (const fact of world.facts) {
        const to = advance(world, index, fact);
        if (elector(to, index).state !== state) add(to, () => `hears: ${factWords(fact)}`);
      }
    }
    const container = state.version?.container;
    if (container && hasEnded(world, container)) {
      const to = advance(world, index, { type: 'holder-ended', container });
      const say = () => `is told that ${container.containerId} has ended`;
      if (elector(to, index).state.ended !== state.ended) add(to, say);
    }
    const watched = spend(world, 'watches');
    if (watched) {
      const type = watching ? 'watch-lost' : 'watch-opened';
      const to = advance(change(watched, index, { watching: !watching }), index, { type });
      add(to, () => (watching ? 'loses its watch' : 'watches again'));
    }
  }
  finishMoves(world, index, add);
  healthMoves(world, index, add);
  const campaigning = phase === 'ended' ? spend(world, 'again') : undefined;
  if (campaigning) {
    const {
      state: known,
      life,
      isUnhealthy,
      asideUntilMs,
      yields,
      hasAsked: _,
      ...moment
    } = elector(world, index);
    const left = world.electing.remembers ? known : undefined;
    const again = begin(state.settings, moment, watching, left);
    const bars = { isUnhealthy, asideUntilMs, yields };
    add(change(campaigning, index, { ...again, life, ...bars }), () => 'campaigns again');
  }
}

type Add = (to: LeaseWorld, say: () => string, broken?: Broken) => void;

/** Its health check fails, or passes again, which it is told. */
function healthMoves(world: LeaseWorld, index: number, add: Add): void {
  const { state, isUnhealthy = false } = elector(world, index);
  const sickening = isUnhealthy ? undefined : spend(world, 'illnesses');
  if (sickening) {
    add(change(sickening, index, { isUnhealthy: true }), () => 'its health check fails');
  }
  if (!isUnhealthy) return;
  const well = change(world, index, { isUnhealthy: false });
  const isTold = state.command.do === 'wait';
  const to = isTold ? advance(well, index, { type: 'unbarred' }) : well;
  add(to, () => 'its health check passes again');
}

function finishMoves(world: LeaseWorld, index: number, add: Add): void {
  const { state, request, life, ...moment } = elector(world, index);
  const { phase } = state;
  const isWriting = request !== undefined && request.command.do !== 'get';
  // `Election` releases only what is proven, and waits for writes to be answered first.
  if ((phase === 'following' || leads(world, index)) && !isWriting) {
    const finishing = spend(world, 'finishes');
    if (finishing) {
      const to = hear(finishing, index, { type: 'finish' });
      add(to, () => (phase === 'leading' ? 'leads no more: its work has ended' : 'is aborted'));
    }
    const stepping = phase === 'leading' ? spend(world, 'stepDowns') : undefined;
    if (stepping) {
      const aside = change(stepping, index, standAside(elector(world, index), 'lease'));
      const to = hear(aside, index, { type: 'finish' });
      add(to, () => 'leads no more: steps down');
    }
  }
  if (phase === 'leading' && !leads(world, index)) {
    const abandoned = abandon(world, index);
    const ended: State = { ...state, phase: 'ended', command: { do: 'end' } };
    const over = { state: ended, request: undefined, token: undefined };
    const excused = world.excused === index ? undefined : world.excused;
    const to = { ...change(abandoned, index, over), excused };
    add(to, () => 'notices that its time is over');
  }
  const restarting = spend(world, 'restarts');
  if (restarting && phase !== 'ended') {
    const fresh = begin(state.settings, moment, true);
    const again = { ...fresh, life };
    add(change(abandon(restarting, index), index, again), () => 'dies, and begins anew');
  }
  const ending = spend(world, 'ends');
  if (ending && phase !== 'ended') {
    const fresh = { ...begin(state.settings, moment, true), life: life + 1 };
    const say = () => 'dies with its container, and begins anew in another';
    add(change(abandon(ending, index), index, fresh), say);
  }
}

/** What becomes of a write that nobody waits for any more is up to the network. */
function abandon(world: LeaseWorld, index: number): LeaseWorld {
  const { request, life } = elector(world, index);
  if (!request || request.answer || request.command.do === 'get') return world;
  return { ...world, late: [...world.late, { by: index, life, write: request.command }] };
}

/** Its request has come to an end. */
function hear(world: LeaseWorld, index: number, event: Event): LeaseWorld {
  return advance(change(world, index, { request: undefined }), index, event);
}

function requestMoves(world: LeaseWorld, index: number, request: Request, add: Add): void {
  const { command, answer } = request;
  if (answer) {
    const to = hear(world, index, answer);
    add(to, () => `← ${answerWords(answer)}${becomesLeader(world, to, index)}`);
  } else {
    const { to, outcome, broken } = carryOut(world, index, command);
    const heard = hear(to, index, outcome);
    const say = () => `→ ${requestWords(command)}: ${answerWords(outcome)}`;
    add(heard, () => `${say()}${becomesLeader(world, heard, index)}`, broken);
    const slow = spend(to, 'slow');
    if (slow) add(change(slow, index, { request: { command, answer: outcome } }), say, broken);
    const doubled =
      command.do === 'get' || world.late.length > 1 ? undefined : spend(heard, 'doubled');
    if (doubled && command.do !== 'get') {
      const { life } = elector(world, index);
      const late = [...doubled.late, { by: index, life, write: command }];
      add({ ...doubled, late }, () => `${say()}, once so far`, broken);
    }
  }
  const lost = spend(world, 'lost');
  if (lost && world.late.length < 2) {
    const ambiguous = command.do !== 'get';
    const to = hear(abandon(lost, index), index, { type: 'failed', ambiguous });
    add(to, () => `✗ ${command.do}: no answer`);
  }
  const refused = answer ? undefined : spend(world, 'refused');
  if (refused) {
    const to = hear(refused, index, { type: 'failed', ambiguous: false });
    add(to, () => `✗ ${command.do}: refused`);
  }
}

function becomesLeader(before: LeaseWorld, after: LeaseWorld, index: number): string {
  if (leads(before, index) || !leads(after, index)) return '';
  return `; LEADS, token ${elector(after, index).token ?? 0}`;
}
