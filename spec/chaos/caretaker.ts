import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const PROGRAM = join(import.meta.dirname, 'caretaking.ts');

/** Outlives a run that is killed, by a process that notices, and clears away what it left. */
export class Caretaker {
  readonly #process;

  private constructor(clusterName: string) {
    this.#process = spawn(process.execPath, [PROGRAM, clusterName], {
      // What ends a terminal's foreground must not end it.
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
  }

  static async start(clusterName: string): Promise<Caretaker> {
    const caretaker = new Caretaker(clusterName);
    await once(caretaker.#process, 'spawn');
    return caretaker;
  }

  /** There is nothing left to clear away. Resolves once it is gone. */
  async dismiss(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.stdin.end('dismissed');
    await gone;
  }
}
