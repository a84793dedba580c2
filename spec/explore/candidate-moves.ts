import { type Lock, holderOf } from '../../lib/protocol/model.ts';
import {
  type Campaigning,
  type Candidate,
  type LateWrite,
  advance,
  confirm,
  created,
  doubt,
  fire,
  giveUp,
  hear,
  ignore,
  isOwnCall,
  keep,
  listens,
  lockToCreate,
  newCandidate,
  readLock,
  readPods,
  readsPods,
} from './campaign-model.ts';
import { isBarred, standAside } from './bars.ts';
import { letter, spend } from './bounds.ts';
import type { Broken, Move } from './explorer.ts';
import {
  type LifeWorld,
  MAX_LATE,
  carryOut,
  change,
  holderWords,
  lockWords,
  podAt,
  podWords,
  writeWords,
} from './life-world.ts';
import { identityOf, readingOf } from './pods.ts';

/** What one candidate may do, or be told, next. */
export class CandidateMoves {
  readonly #world: LifeWorld;
  readonly #index: number;
  readonly #campaigning: Campaigning;
  readonly #moves: Move<LifeWorld>[];

  constructor(world: LifeWorld, index: number, campaigning: Campaigning, moves: Move<LifeWorld>[]) {
    this.#world = world;
    this.#index = index;
    this.#campaigning = campaigning;
    this.#moves = moves;
  }

  all(): void {
    const pod = podAt(this.#world, this.#index);
    const candidate = this.#world.candidates[this.#index];
    if (!pod.running || !candidate) return;
    const restarting = spend(this.#world, 'restarts');
    if (restarting) this.#restart(restarting, candidate);
    this.#sicken(candidate);
    switch (candidate.role) {
      case 'competes':
        this.#compete(candidate);
        return;
      case 'leads': {
        const releasing = spend(this.#world, 'releases');
        const stepping = spend(this.#world, 'stepDowns');
        const lock = candidate.giving?.lock;
        if (!lock) return;
        const to = giveUp(candidate, lock, 'gives up the lock', this.#campaigning);
        if (releasing) {
          this.#add(change(releasing, this.#index, to), () => 'leads no more: releases its lock');
        }
        if (stepping) {
          // It stands aside from when the lock is released, by which its clock does not go on here.
          const say = () => 'leads no more: steps down, and releases its lock';
          this.#add(change(stepping, this.#index, standAside(to, 'life')), say);
        }
        return;
      }
      case 'gives up the lock':
        this.#giveUp(candidate);
        return;
      case 'withdraws':
        this.#withdraw(candidate);
        return;
      case 'idle': {
        const calling = spend(this.#world, 'calls');
        if (!calling) return;
        const { calls } = calling;
        const next = newCandidate(pod, calls, candidate);
        const to = change({ ...calling, calls: calls + 1 }, this.#index, next);
        this.#add(to, () => 'calls become again');
      }
    }
  }

  #add(to: LifeWorld, say: () => string, broken?: Broken): void {
    this.#moves.push({ to, place: this.#index, say, broken });
  }

  /** One step of the candidate; that the protocol refuses it is a broken promise, too. */
  #advance(world: LifeWorld, step: () => Candidate, say: () => string, broken?: Broken): void {
    let to: Candidate;
    try {
      to = step();
    } catch (error) {
      const text = `${letter(this.#index)}: ${error instanceof Error ? error.message : String(error)}`;
      this.#add(world, say, { promise: 'LIFE-3', text });
      return;
    }
    // `Election` gives the lock up if the health check fails by now.
    const { command } = to.state;
    if (to.role === 'leads' && to.isUnhealthy === true && command.do === 'lead') {
      const back = giveUp(to, command.lock, 'gives up the lock', this.#campaigning);
      this.#add(change(world, this.#index, back), () => `${say()}; is not healthy`, broken);
      return;
    }
    const begins =
      to.role === 'leads' ? '; LEADS' : to.role === 'withdraws' ? '; must not lead' : '';
    this.#add(change(world, this.#index, to), () => `${say()}${begins}`, broken);
  }

  /** Its health check fails, or passes again, which it is told. */
  #sicken(candidate: Candidate): void {
    const { role, isUnhealthy, state } = candidate;
    const sickening = isUnhealthy === true ? undefined : spend(this.#world, 'illnesses');
    if (role !== 'competes' && role !== 'idle') return;
    if (sickening) {
      const to = change(sickening, this.#index, { ...candidate, isUnhealthy: true });
      this.#add(to, () => 'its health check fails');
    }
    if (isUnhealthy !== true) return;
    const well = { ...candidate, isUnhealthy: false };
    const isTold = role === 'competes' && state.command.do === 'wait';
    const tell = () => (isTold ? advance(well, { type: 'unbarred' }) : well);
    this.#advance(this.#world, tell, () => 'its health check passes again');
  }

  #restart(world: LifeWorld, candidate: Candidate): void {
    // Docs: a process does not end while its release is under way, if its container starts again.
    const late = world.late.filter(({ by, do: what }) => by !== this.#index || what === 'create');
    if (candidate.giving && candidate.role !== 'leads') return;
    const call = world.calls;
    const fresh = newCandidate(podAt(world, this.#index), call);
    const to = change({ ...world, late, calls: call + 1 }, this.#index, fresh);
    this.#add(to, () => 'its container ends, and begins again');
  }

  #compete(candidate: Candidate): void {
    const world = this.#world;
    const { state, progress } = candidate;
    const { command } = state;
    if (command.do === 'wait') {
      const say = () => 'its timer fires';
      this.#advance(world, () => fire(candidate), say);
    }
    if (command.do === 'attempt' && progress.created === undefined) this.#create(candidate);
    if (command.do === 'reclaim') this.#reclaim(candidate, command.lock);
    if (command.do === 'inspect' && !progress.lock) {
      const say = () => `reads the lock: ${lockWords(world.lock)}`;
      this.#advance(world, () => readLock(candidate, world, this.#campaigning), say);
    }
    const which = readsPods(candidate);
    if (which) {
      const names = which.map(({ name }) => name.slice(-1)).join(', ');
      const say = () =>
        `reads ${names}: ${which.map((of) => podWords(world.pods, of.uid)).join(', ')}`;
      this.#advance(world, () => readPods(candidate, world.pods, which), say);
      const foreign = spend(world, 'foreign');
      if (foreign && !this.#campaigning.checksAnswers) {
        const answered = () => readPods(candidate, [], which);
        this.#advance(foreign, answered, () => `reads ${names}: something else answers 404`);
      }
    }
    this.#hear(candidate);
    const aborting = spend(world, 'aborts');
    if (aborting) this.#abort(aborting, candidate);
  }

  /** What was sent is on its way, and may be carried out. */
  #abort(world: LifeWorld, candidate: Candidate): void {
    const { state, progress } = candidate;
    const { command } = state;
    const write =
      command.do === 'attempt' && progress.created === undefined
        ? this.#creation(candidate)
        : command.do === 'reclaim'
          ? this.#deletion(candidate, command.lock)
          : undefined;
    const late = write ? [...world.late, write] : world.late;
    if (late.length > MAX_LATE) return;
    const aborted: Candidate = {
      ...candidate,
      role: 'withdraws',
      progress: {},
      mayHaveCreated: candidate.mayHaveCreated || command.do === 'attempt',
    };
    const to = command.do === 'reclaim' ? doubt(aborted, command.lock) : aborted;
    this.#add(change({ ...world, late }, this.#index, to), () => 'is aborted');
  }

  #creation(candidate: Candidate): LateWrite {
    const pod = podAt(this.#world, this.#index);
    const lock = { ...lockToCreate(candidate, pod), uid: '', resourceVersion: '0' };
    return { by: this.#index, call: candidate.call, do: 'create', lock };
  }

  #deletion({ call }: Candidate, lock: Lock): LateWrite {
    return { by: this.#index, call, do: 'delete', lock };
  }

  #create(candidate: Candidate): void {
    if (isBarred(candidate)) {
      const refrain = () => created(candidate, 'barred', this.#world.pods);
      this.#advance(this.#world, refrain, () => 'does not create the lock any more');
      return;
    }
    const sent = { ...candidate, mayHaveCreated: true };
    this.#write(
      this.#creation(candidate),
      (made, world) => created(sent, made ?? 'exists', world.pods),
      () => sent,
    );
  }

  #reclaim(candidate: Candidate, lock: Lock): void {
    this.#write(
      this.#deletion(candidate, lock),
      (done) => {
        const sure = done ? ignore(confirm(candidate, lock), lock) : candidate;
        return advance(sure, { type: 'reclaimed', mine: done !== undefined });
      },
      () => doubt(candidate, lock),
    );
  }

  #giveUp(candidate: Candidate): void {
    const { giving, role } = candidate;
    if (!giving) return;
    const { lock } = giving;
    if (giving.do === 'read') {
      const found = this.#world.lock;
      const isHeld = found?.uid === lock.uid && holderOf(found)?.uid === candidate.state.podUid;
      const to = isHeld
        ? giveUp(candidate, found, role, this.#campaigning)
        : this.#gaveUp(candidate);
      this.#add(change(this.#world, this.#index, to), () => `reads the lock: ${lockWords(found)}`);
      return;
    }
    const write: LateWrite = { by: this.#index, call: candidate.call, do: giving.do, lock };
    const reread: Candidate = { ...candidate, giving: { do: 'read', lock } };
    this.#write(
      write,
      (done) => {
        if (!done) return reread;
        if (giving.do === 'delete') return this.#gaveUp(candidate);
        return { ...candidate, giving: { do: 'delete', lock: done } };
      },
      () => doubt(candidate, lock),
    );
    const isUnanswered = this.#world.late.some(
      ({ by, lock: each }) => by === this.#index && each.uid === lock.uid,
    );
    if (isUnanswered) {
      const to: Candidate = { ...candidate, role: 'idle', giving: undefined };
      this.#add(change(this.#world, this.#index, to), () => 'gives up: release() rejects');
    }
  }

  #gaveUp(candidate: Candidate): Candidate {
    const { giving } = candidate;
    const sure = giving ? confirm(candidate, giving.lock) : candidate;
    return { ...sure, role: 'withdraws', giving: undefined, mayHaveCreated: false };
  }

  /** Makes sure that no lock of this call is there, nor will be. */
  #withdraw(candidate: Candidate): void {
    const world = this.#world;
    const { lock } = world;
    const mayLand = world.late.some(
      ({ by, call, do: what }) =>
        by === this.#index && call === candidate.call && what === 'create',
    );
    if (candidate.mayHaveCreated || mayLand) {
      if (lock && isOwnCall(candidate, lock)) {
        const to = giveUp(candidate, lock, 'gives up the lock', this.#campaigning);
        this.#add(change(world, this.#index, to), () => 'finds the lock that it created');
        return;
      }
      if (mayLand) return;
    }
    const looked = candidate.mayHaveCreated
      ? hear({ ...candidate, seenLast: lock }, lock)
      : candidate;
    const to: Candidate = { ...looked, role: 'idle', mayHaveCreated: false };
    this.#add(change(world, this.#index, to), () => 'has come to an end');
  }

  /** A write: it is carried out and answered, or not answered, or made twice. */
  #write(
    write: LateWrite,
    answered: (done: Lock | undefined, world: LifeWorld) => Candidate,
    unanswered: () => Candidate,
  ): void {
    const { to, lock, broken } = carryOut(this.#world, write, this.#campaigning);
    const say = () => `→ ${writeWords(write)}: ${lock ? 'done' : 'refused'}`;
    this.#advance(to, () => answered(lock, to), say, broken);
    if (this.#world.late.length >= MAX_LATE) return;
    const doubled = spend(to, 'doubled');
    if (doubled) {
      const twice = { ...doubled, late: [...doubled.late, write] };
      const sayOnce = () => `${say()}, once so far`;
      this.#advance(twice, () => answered(lock, to), sayOnce, broken);
    }
    const lost = spend(this.#world, 'lost');
    if (!lost) return;
    const waiting = change({ ...lost, late: [...lost.late, write] }, this.#index, unanswered());
    this.#add(waiting, () => `→ ${writeWords(write)}: no answer`);
    if (!lock) return;
    // Carried out, but nobody hears of it.
    const made = spend(to, 'lost');
    if (made) {
      const silent = change(made, this.#index, unanswered());
      this.#add(silent, () => `→ ${writeWords(write)}: done, but no answer`, broken);
    }
  }

  #hear(candidate: Candidate): void {
    const world = this.#world;
    const hinting = spend(world, 'hints');
    if (!hinting) return;
    const tell = (hint: Parameters<typeof listens>[1], say: () => string) => {
      if (listens(candidate, hint, this.#campaigning)) {
        this.#advance(hinting, () => advance(candidate, hint), say);
        return;
      }
      const busy = 'lock' in hint && keep(candidate, hint, this.#campaigning);
      if (busy) this.#add(change(hinting, this.#index, busy), say);
    };
    if (world.lock) {
      const { lock } = world;
      tell({ type: 'lock-seen', lock }, () => `hears: ${lockWords(lock)}`);
    }
    for (const lock of world.ended) {
      const sayGone = () => `hears that the lock of ${holderWords(lock)} is gone`;
      tell({ type: 'lock-gone', lock }, sayGone);
      tell({ type: 'lock-seen', lock }, () => `hears, late: ${lockWords(lock)}`);
    }
    for (const [index, pod] of world.pods.entries()) {
      if (index === this.#index) continue;
      const reading = readingOf(world.pods, identityOf(pod));
      const say = () => `hears: ${letter(index)} is ${podWords(world.pods, pod.uid)}`;
      tell({ type: 'pod-seen', pod: reading }, say);
    }
  }
}
