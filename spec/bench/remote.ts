import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** Functions that can be called in another process. */
export type Service = Readonly<Record<string, (...args: never[]) => unknown>>;

interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Offers these functions to the process that started this one, and ends with it. */
export function serve(service: Service): void {
  process.once('disconnect', () => process.exit());
  process.on('message', (call: Call) => {
    void answer(service, call).then((result) => process.send?.(result));
  });
}

async function answer(service: Service, { id, name, args }: Call): Promise<Answer> {
  try {
    return { id, value: await service[name]?.(...(args as never[])) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

/** A process that serves. */
export class Remote<S extends Service> {
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #count = 0;

  constructor(program: URL) {
    this.#process = fork(program, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#process.on('message', ({ id, value, error }: Answer) => {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new Error(error));
    });
    this.#process.once('exit', (code, signal) => {
      const error = new Error(`the process that serves ended (${signal ?? code})`);
      for (const call of this.#calls.values()) call.reject(error);
    });
  }

  call<Name extends keyof S & string>(
    name: Name,
    ...args: Parameters<S[Name]>
  ): Promise<Awaited<ReturnType<S[Name]>>> {
    const call = Promise.withResolvers<unknown>();
    this.#count += 1;
    this.#calls.set(this.#count, call);
    this.#process.send({ id: this.#count, name, args });
    return call.promise as Promise<Awaited<ReturnType<S[Name]>>>;
  }

  /** Kills it. Resolves when it is gone. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
