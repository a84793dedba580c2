import { ANONYMOUS } from './access.ts';

/** The bearer tokens by which the cluster knows its users. */
export class Tokens {
  readonly #current = new Map<string, string>();
  readonly #users = new Map<string, string>();
  #issued = 0;

  /** The user's token; a new one after the last has expired. */
  of(user: string): string {
    let token = this.#current.get(user);
    if (token === undefined) {
      this.#issued += 1;
      token = `token-${this.#issued}-of-${user}`;
      this.#current.set(user, token);
      this.#users.set(token, user);
    }
    return token;
  }

  /** Expires the user's token. */
  expire(user: string): void {
    this.#users.delete(this.#current.get(user) ?? '');
    this.#current.delete(user);
  }

  /** The owner of a token; undefined if it is unknown. */
  userOf(token: string | undefined): string | undefined {
    return token === undefined ? ANONYMOUS : this.#users.get(token);
  }
}
