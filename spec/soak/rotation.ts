/** How an attempt to lead may end before it leads. */
export type Ending = 'none' | 'aborted' | 'timeout';

export interface Attempt {
  readonly lockName: string;
  readonly candidate: string;
  readonly ending: Ending;
  /** Every so often something is done in another way, such as with a guard. */
  readonly isSpecial: boolean;
  /** To be called while the candidate leads. */
  readonly onLead: (fencingToken?: string) => Promise<void>;
}

/** Leads once and lets go; rejects with whatever ended it before. */
export type Contend = (attempt: Attempt) => Promise<void>;

/** One in so many attempts. */
const ABORTED = 7;
const TIMED_OUT = 11;
const SPECIAL = 5;

/** One lock that goes from candidate to candidate. */
export class Rotation {
  readonly #lockName: string;
  readonly #candidates: readonly string[];
  readonly #contend: Contend;
  #leader: string | undefined;
  #last: string | undefined;
  #token = 0n;
  #attempts = 0;
  #handedOver = Promise.withResolvers<undefined>();
  handovers = 0;
  terms = 0;
  givenUp = 0;

  constructor(lockName: string, candidates: readonly string[], contend: Contend) {
    this.#lockName = lockName;
    this.#candidates = candidates;
    this.#contend = contend;
  }

  /**
   * Goes on until there have been so many handovers in all; then everybody who waits leads once
   * more, and is done: nobody is cut short. Who has led lets another one lead before he tries again.
   */
  async until(handovers: number): Promise<void> {
    await Promise.all(
      this.#candidates.map(async (candidate) => {
        while (this.handovers < handovers) {
          await this.#attempt(candidate);
          while (this.#last === candidate && this.handovers < handovers) {
            await this.#handedOver.promise;
          }
        }
      }),
    );
  }

  async #attempt(candidate: string): Promise<void> {
    const number = (this.#attempts += 1);
    const onLead = (token?: string) => this.#lead(candidate, token);
    const ending =
      number % ABORTED === 0 ? 'aborted' : number % TIMED_OUT === 0 ? 'timeout' : 'none';
    const isSpecial = number % SPECIAL === 0;
    const what = { lockName: this.#lockName, candidate, ending, isSpecial, onLead } as const;
    try {
      await this.#contend(what);
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      if (ending === 'none' || (code !== 'ERR_TIMEOUT' && message !== ENOUGH)) throw error;
      this.givenUp += 1;
    }
  }

  async #lead(candidate: string, token?: string): Promise<void> {
    const where = `${candidate} leads ${this.#lockName}`;
    if (this.#leader !== undefined) throw new Error(`${where} while ${this.#leader} does`);
    if (token !== undefined && BigInt(token) <= this.#token) {
      throw new Error(`${where} with the token ${token} after ${this.#token}`);
    }
    this.#token = BigInt(token ?? this.#token);
    this.#leader = candidate;
    this.terms += 1;
    if (this.#last !== undefined && this.#last !== candidate) this.handovers += 1;
    this.#last = candidate;
    this.#handedOver.resolve(undefined);
    this.#handedOver = Promise.withResolvers();
    await new Promise((resolve) => setImmediate(resolve));
    this.#leader = undefined;
  }
}

/** The reason of those who give up. */
export const ENOUGH = 'enough';
