import { constants } from 'node:os';
import { ENDING, Interrupted } from './stop.ts';

/** Signals that are not for the command: what nobody can handle, and what is about this process. */
const OWN = new Set<string>([
  ...['SIGKILL', 'SIGSTOP', 'SIGCHLD', 'SIGPIPE', 'SIGPROF', 'SIGTTIN', 'SIGTTOU'],
  ...[
    'SIGABRT',
    'SIGIOT',
    'SIGBUS',
    'SIGFPE',
    'SIGILL',
    'SIGSEGV',
    'SIGSYS',
    'SIGTRAP',
    'SIGSTKFLT',
  ],
  ...['SIGPOLL', 'SIGUNUSED', 'SIGBREAK', 'SIGLOST', 'SIGINFO'],
]);

/** Signals to `run`: to the command while it runs; before that, those that end a program end the wait. */
export class Signals {
  readonly #controller = new AbortController();
  #target: ((name: NodeJS.Signals) => void) | undefined;
  #wasAsked = false;

  constructor() {
    const names = Object.keys(constants.signals) as NodeJS.Signals[];
    for (const name of names.filter((each) => !OWN.has(each))) {
      process.on(name, () => this.#onSignal(name));
    }
  }

  /** Aborts with `Interrupted` when this process is asked to end while nothing runs. */
  get stop(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether this process was ever asked to end. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** From now on signals go there; the returned function ends that. */
  passTo(target: (name: NodeJS.Signals) => void): () => void {
    this.#target = target;
    return () => {
      this.#target = undefined;
    };
  }

  #onSignal(name: NodeJS.Signals): void {
    if (ENDING.includes(name)) this.#wasAsked = true;
    if (this.#target) this.#target(name);
    else if (ENDING.includes(name)) this.#controller.abort(new Interrupted(name));
  }
}
